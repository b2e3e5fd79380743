// SPDX-License-Identifier: GPL-2.0
/*
 * nfqueue - let packets of a netfilter queue go, while a command runs
 *
 *	nfqueue QUEUE COMMAND...
 *
 * Every packet is accepted as it is. Prints how many there were once COMMAND has
 * ended, and exits with its status. No packet waits for longer than its verdict
 * takes; those that come after COMMAND's end are dropped by the kernel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mnl_socket *nl;
static unsigned int portid;
static int queue;
static int accepted;

static void die(const char *what)
{
	fprintf(stderr, "nfqueue: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct nlmsghdr *request(char *buf, int type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->res_id = htons(queue);
	return nlh;
}

static void send_request(struct nlmsghdr *nlh)
{
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("sending");
}

static void configure(int type, const void *value, size_t size)
{
	char buf[256];
	struct nlmsghdr *nlh = request(buf, NFQNL_MSG_CONFIG);
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	mnl_attr_put(nlh, type, size, value);
	send_request(nlh);
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, n, 0, portid, NULL, NULL) < 0)
		die("configuring the queue");
}

static void accept_packet(uint32_t id)
{
	struct nfqnl_msg_verdict_hdr verdict = { htonl(NF_ACCEPT), id };
	char buf[256];
	struct nlmsghdr *nlh = request(buf, NFQNL_MSG_VERDICT);

	mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	send_request(nlh);
	accepted++;
}

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(attr);

		if (mnl_attr_get_type(attr) == NFQA_PACKET_HDR)
			accept_packet(header->packet_id);
	}
	return MNL_CB_OK;
}

static void serve(int timeout)
{
	struct pollfd pfd = { .fd = mnl_socket_get_fd(nl), .events = POLLIN };
	char buf[4096];
	ssize_t n;

	while (poll(&pfd, 1, timeout) > 0) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0 || mnl_cb_run(buf, n, 0, portid, on_message, NULL) < 0)
			die("receiving");
	}
}

int main(int argc, char **argv)
{
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = { htonl(64), NFQNL_COPY_PACKET };
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "Usage: nfqueue QUEUE COMMAND...\n");
		return 2;
	}
	queue = atoi(argv[1]);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	portid = mnl_socket_get_portid(nl);
	configure(NFQA_CFG_CMD, &bind, sizeof(bind));
	configure(NFQA_CFG_PARAMS, &params, sizeof(params));

	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		execvp(argv[2], argv + 2);
		die(argv[2]);
	}
	while (!waitpid(pid, &status, WNOHANG))
		serve(20);
	serve(0);
	printf("%d\n", accepted);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
