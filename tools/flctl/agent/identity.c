// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "identity.h"
#include "state_file.h"

static bool is_usable(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, sizeof(zero));
}

bool identity_read(const char *path, uint8_t mac[6])
{
	char line[64] = "";
	struct words w = {};
	FILE *file = fopen(path, "re");

	if (!file) {
		if (errno != ENOENT)
			log_warning("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (parse_mac(&w, line, mac) && is_usable(mac))
		return true;
	log_warning("%s holds '%s', which is not the MAC of a VTEP; it is not used", path, line);
	return false;
}

bool identity_find(const char *path, const struct facts *facts, const char *name,
		   uint8_t mac[6])
{
	const struct fact_link *link;

	if (identity_read(path, mac))
		return true;
	link = facts_link(facts, name);
	if (!link)
		return false;
	if (!strcmp(link->kind, FLANNEL_LINK_KIND))
		memcpy(mac, link->flannel.lladdr, 6);
	else if (!strcmp(link->kind, "vxlan"))
		memcpy(mac, link->lladdr, 6);
	else
		return false;
	return is_usable(mac);
}

void identity_random(uint8_t mac[6])
{
	/* Six bytes come whole, once the kernel has any. */
	while (getrandom(mac, 6, 0) != 6)
		;
	mac[0] = (mac[0] & 0xfe) | 0x02;
}

bool identity_save(const char *path, const uint8_t mac[6], struct error *error)
{
	char text[MAC_TEXT + 1];
	uint8_t old[6];

	if (!access(path, F_OK) && identity_read(path, old) && !memcmp(old, mac, 6))
		return true;
	format_mac(mac, text);
	strcat(text, "\n");
	return state_file_write(path, text, error);
}
