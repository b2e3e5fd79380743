// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "report.h"

#define CLASS_LEN	32
#define CLASSES		6
#define SLOTS		16	/* a power of two */

/*
 * For what does not fit into the extack itself, or where it has no room.  The
 * text is copied once the handler has returned, and may have been overwritten
 * by then if many requests fail at once; but by one of the same length, which is
 * what the copy counts on: within a class texts are padded with blanks.
 */
static char reports[CLASSES][SLOTS][CLASSES * CLASS_LEN];
static atomic_t last_report;

static const char *keep(char *text, size_t len)
{
	unsigned int class = len / CLASS_LEN;
	unsigned int slot = (unsigned int)atomic_inc_return(&last_report) % SLOTS;
	size_t padded = (class + 1) * CLASS_LEN - 1;

	memset(text + len, ' ', padded - len);
	memcpy(reports[class][slot], text, padded);
	return reports[class][slot];
}

/**
 * flannel_report - say why a request is refused
 * @extack: of the request, may be NULL
 * @attr: attribute to blame, may be NULL
 * @fmt: message as for printk, without newline; ends at 191 bytes
 *
 * Context: any.
 */
void flannel_report(struct netlink_ext_ack *extack, const struct nlattr *attr, const char *fmt, ...)
{
	char text[CLASSES * CLASS_LEN];
	va_list args;
	int len;

	if (!extack)
		return;
	va_start(args, fmt);
	len = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!flannel_extack_copy(extack, text, len))
		extack->_msg = keep(text, len);
	if (attr)
		NL_SET_BAD_ATTR(extack, attr);
}
