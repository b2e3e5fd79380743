// SPDX-License-Identifier: GPL-2.0
/*
 * leases - tables too large to be written out as text
 *
 *	leases replace DEV COUNT SEED	replace the table of DEV by leases
 *					0 ... COUNT - 1 of table SEED; prints what
 *					flctl lease restore does
 *	leases check DEV COUNT SEED STEP	look up every STEPth of them;
 *					prints "N right", and the first wrong one
 *
 * Half of the leases are IPv4, half IPv6, of 16 lengths each, with few of the
 * shortest; they are behind 20,000 VTEPs. SEED (1 ... 255) is in the address of
 * the VTEPs alone, so that two tables differ in nothing else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <flannel.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VTEPS		20000
#define MESSAGE		60000	/* bytes of leases in one message */

struct lease {
	int family;
	uint8_t prefix[16];
	uint8_t len;
	uint8_t vtep[4];
	uint8_t mac[6];
};

static struct mnl_socket *nl;
static uint16_t family_id;
static unsigned int ifindex;
static uint8_t buffer[MESSAGE + 1024];

static void die(const char *what)
{
	fprintf(stderr, "leases: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Number @i of the leases of one family. */
static void fill4(struct lease *lease, unsigned int i)
{
	bool shorter = i < 700;
	unsigned int n = shorter ? 7 : 9;
	uint32_t base = (shorter ? 20 : 40) + i % n;

	lease->family = AF_INET;
	lease->len = (shorter ? 17 : 24) + i % n;
	base = htonl((base << 24) + (i / n << (32 - lease->len)));
	memcpy(lease->prefix, &base, sizeof(base));
}

static void fill6(struct lease *lease, unsigned int i)
{
	uint16_t words[4] = { htons(0xfd42), htons(i % 16), htons(i / 16 >> 16), htons(i / 16) };

	lease->family = AF_INET6;
	lease->len = 64 + i % 16;
	memcpy(lease->prefix, words, sizeof(words));
}

static void fill(struct lease *lease, unsigned int i, unsigned int seed)
{
	unsigned int v = i / 2 % VTEPS;
	uint8_t vtep[] = { 172, seed, v / 250, v % 250 + 1 };
	uint8_t mac[] = { 2, 0, 0, 0, v >> 8, v };

	memset(lease, 0, sizeof(*lease));
	(i % 2 ? fill6 : fill4)(lease, i / 2);
	memcpy(lease->vtep, vtep, sizeof(vtep));
	memcpy(lease->mac, mac, sizeof(mac));
}

static size_t address_size(const struct lease *lease)
{
	return lease->family == AF_INET ? 4 : 16;
}

static struct nlmsghdr *request(uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl->cmd = cmd;
	genl->version = version;
	if (type == family_id)
		mnl_attr_put_u32(nlh, FLANNEL_A_IFINDEX, ifindex);
	return nlh;
}

/*
 * Netlink has answered when send() returns. Gives the answer to @on_answer; no
 * answer at all is right, too.
 */
static bool ask(struct nlmsghdr *nlh, mnl_cb_t on_answer, void *data)
{
	static uint8_t answer[8192];
	ssize_t len;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return false;
	len = recv(mnl_socket_get_fd(nl), answer, sizeof(answer), MSG_DONTWAIT);
	if (len < 0)
		return errno == EAGAIN;
	return mnl_cb_run(answer, len, 0, 0, on_answer, data) >= 0;
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family_id = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static void open_family(const char *dev)
{
	struct nlmsghdr *nlh;

	ifindex = if_nametoindex(dev);
	if (!ifindex)
		die(dev);
	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	nlh = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FLANNEL_GENL_NAME);
	if (!ask(nlh, on_family, NULL) || !family_id)
		die("family flannel");
}

/* --- replace --------------------------------------------------------------- */

static void put_lease(struct nlmsghdr *nlh, const struct lease *lease)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, FLANNEL_A_LEASE);

	mnl_attr_put(nlh, lease->family == AF_INET ? FLANNEL_A_LEASE_PREFIX4 :
						     FLANNEL_A_LEASE_PREFIX6,
		     address_size(lease), lease->prefix);
	mnl_attr_put_u8(nlh, FLANNEL_A_LEASE_PREFIXLEN, lease->len);
	mnl_attr_put(nlh, FLANNEL_A_LEASE_VTEP4, sizeof(lease->vtep), lease->vtep);
	mnl_attr_put(nlh, FLANNEL_A_LEASE_LLADDR, sizeof(lease->mac), lease->mac);
	mnl_attr_nest_end(nlh, nest);
}

static int on_commit(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	uint32_t *diff = data;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type >= FLANNEL_A_ADDED && type <= FLANNEL_A_REMOVED)
			diff[type - FLANNEL_A_ADDED] = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

static int replace(unsigned int count, unsigned int seed)
{
	uint32_t diff[3] = { 0 };
	struct nlmsghdr *nlh;
	struct lease lease;
	unsigned int i = 0;

	if (!ask(request(family_id, FLANNEL_CMD_TABLE_BEGIN, 1), NULL, NULL))
		die("begin");
	while (i < count) {
		nlh = request(family_id, FLANNEL_CMD_TABLE_ADD, 1);
		for (; i < count && nlh->nlmsg_len < MESSAGE; i++) {
			fill(&lease, i, seed);
			put_lease(nlh, &lease);
		}
		if (!ask(nlh, NULL, NULL))
			die("add");
	}
	if (!ask(request(family_id, FLANNEL_CMD_TABLE_COMMIT, 1), on_commit, diff))
		die("commit");
	printf("added %u changed %u removed %u\n", diff[0], diff[1], diff[2]);
	return 0;
}

/* --- check ----------------------------------------------------------------- */

static void read_lease(const struct nlattr *nest, struct lease *lease)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		size_t len = mnl_attr_get_payload_len(attr);
		const void *value = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case FLANNEL_A_LEASE_PREFIX4:
		case FLANNEL_A_LEASE_PREFIX6:
			lease->family = len == 4 ? AF_INET : AF_INET6;
			memcpy(lease->prefix, value, len > 16 ? 16 : len);
			break;
		case FLANNEL_A_LEASE_PREFIXLEN:
			lease->len = mnl_attr_get_u8(attr);
			break;
		case FLANNEL_A_LEASE_VTEP4:
			memcpy(lease->vtep, value, sizeof(lease->vtep));
			break;
		case FLANNEL_A_LEASE_LLADDR:
			memcpy(lease->mac, value, sizeof(lease->mac));
			break;
		}
	}
}

static int on_lease(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == FLANNEL_A_LEASE)
			read_lease(attr, data);
	return MNL_CB_OK;
}

/* Is the first address of a lease found in that lease? */
static bool is_right(const struct lease *wanted)
{
	struct nlmsghdr *nlh = request(family_id, FLANNEL_CMD_LEASE_GET, 1);
	struct lease found;

	memset(&found, 0, sizeof(found));
	mnl_attr_put(nlh, wanted->family == AF_INET ? FLANNEL_A_ADDR4 : FLANNEL_A_ADDR6,
		     address_size(wanted), wanted->prefix);
	return ask(nlh, on_lease, &found) && !memcmp(wanted, &found, sizeof(found));
}

static int check(unsigned int count, unsigned int seed, unsigned int step)
{
	unsigned int i, right = 0, wrong = 0;
	char text[INET6_ADDRSTRLEN];
	struct lease lease;

	for (i = 0; i < count; i += step) {
		fill(&lease, i, seed);
		if (is_right(&lease)) {
			right++;
			continue;
		}
		if (!wrong++)
			printf("%s/%u: wrong\n",
			       inet_ntop(lease.family, lease.prefix, text, sizeof(text)),
			       lease.len);
	}
	printf("%u right\n", right);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool checking = argc == 6 && !strcmp(argv[1], "check");
	unsigned int count, seed;

	if (!checking && (argc != 5 || strcmp(argv[1], "replace"))) {
		fputs("Usage: leases replace DEV COUNT SEED\n"
		      "       leases check DEV COUNT SEED STEP\n", stderr);
		return 2;
	}
	count = atoi(argv[3]);
	seed = atoi(argv[4]);
	open_family(argv[2]);
	return checking ? check(count, seed, atoi(argv[5])) : replace(count, seed);
}
