// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/kernel.h>

#include "report.h"

#define REPORTS		32	/* a power of two */
#define REPORT_LEN	192

/*
 * An extack points at its text, which is copied once the handler has returned.
 * A text is overwritten by the 32nd report after it; should that many requests
 * fail between a return and its copy, one message shows another's text.
 */
static char reports[REPORTS][REPORT_LEN];
static atomic_t last_report;

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
	unsigned int slot = (unsigned int)atomic_inc_return(&last_report) % REPORTS;
	va_list args;

	if (!extack)
		return;
	va_start(args, fmt);
	vsnprintf(reports[slot], REPORT_LEN, fmt, args);
	va_end(args);
	extack->_msg = reports[slot];
	if (attr)
		NL_SET_BAD_ATTR(extack, attr);
}
