// SPDX-License-Identifier: GPL-2.0
/* flctl monitor: changes of tables as they happen. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "flctl.h"
#include "print.h"

/* Sequence numbers of the devices seen, to notice a gap. */
struct seen {
	int ifindex;
	uint64_t seq;
};

struct watch {
	int ifindex;		/* 0: all devices */
	const char *dev;	/* NULL: all devices */
	struct seen *seen;
	size_t count, room;
	int code;
};

/* Readable when it is time to end; -1 and errno. */
static int catch_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static const char *verb(int cmd)
{
	switch (cmd) {
	case FLANNEL_CMD_LEASE_ADD_NTF:
		return "add";
	case FLANNEL_CMD_LEASE_CHANGE_NTF:
		return "change";
	default:
		return "delete";
	}
}

void print_replaced(const char *dev, const struct ipc_replaced *table)
{
	if (!json) {
		printf("replace dev %s seq %llu added %u changed %u removed %u\n",
		       dev, (unsigned long long)table->seq, table->added,
		       table->changed, table->removed);
		return;
	}
	json_open(NULL, '{');
	json_string("event", "replace");
	json_string("dev", dev);
	json_number("seq", table->seq);
	json_number("added", table->added);
	json_number("changed", table->changed);
	json_number("removed", table->removed);
	json_close('}');
}

static void print_lease(const char *event, const struct lease *lease,
			const char *dev, uint64_t seq)
{
	if (!json) {
		printf("%s ", event);
		text_lease(lease, dev);
		return;
	}
	json_open(NULL, '{');
	json_string("event", event);
	json_lease(lease, dev);
	if (seq)
		json_number("seq", seq);
	json_close('}');
}

static void print_listed(const struct lease *lease, const char *dev)
{
	if (json)
		print_lease("lease", lease, dev, 0);
	else
		text_lease(lease, dev);
}

static void print_mark(const char *event, const char *text)
{
	if (!json) {
		puts(text);
		return;
	}
	json_open(NULL, '{');
	json_string("event", event);
	json_close('}');
}

/* What was lost can only be made good by the whole, the last event included. */
static void list_again(struct watch *watch)
{
	struct ipc_lease_list list = { 0 };

	watch->count = 0;
	print_mark("lost", "lost events, listing again");
	if (ipc_lease_list(watch->ifindex, NULL, &list))
		watch->code = fail_ipc("monitor: listing again");
	else
		print_leases(&list, watch->dev, print_listed);
	if (!watch->code)
		print_mark("listed", "listed");
	free(list.lease);
}

/* Sets *@last to where the number of @ifindex is kept; false without memory. */
static bool find_seen(struct watch *watch, int ifindex, struct seen **last)
{
	struct seen *grown;
	size_t i;

	for (i = 0; i < watch->count; i++) {
		*last = &watch->seen[i];
		if ((*last)->ifindex == ifindex)
			return true;
	}
	if (watch->count == watch->room) {
		grown = reallocarray(watch->seen, watch->room + 16,
				     sizeof(*grown));
		if (!grown)
			return false;
		watch->seen = grown;
		watch->room += 16;
	}
	*last = &watch->seen[watch->count++];
	**last = (struct seen){ .ifindex = ifindex };
	return true;
}

/* True when events are missing before this one. */
static bool is_gap(struct watch *watch, const struct ipc_event *event)
{
	struct seen *last;
	bool gap;

	if (!find_seen(watch, event->ifindex, &last))
		return false;
	gap = last->seq && event->table.seq > last->seq + 1;
	last->seq = event->table.seq;
	return gap;
}

static int on_event(const struct ipc_event *event, void *data)
{
	struct watch *watch = data;

	if (event->cmd && watch->ifindex && event->ifindex != watch->ifindex)
		return 0;
	if (!event->cmd || is_gap(watch, event))
		list_again(watch);
	else if (event->cmd == FLANNEL_CMD_TABLE_NTF)
		print_replaced(event->name, &event->table);
	else
		print_lease(verb(event->cmd), &event->lease, event->name,
			    event->table.seq);
	return watch->code || fflush(stdout) || ferror(stdout);
}

int monitor(struct words *w)
{
	struct watch watch = { 0 };
	char dev[IF_NAMESIZE];
	struct ipc_link link = { 0 };
	int stop;

	if (!parse_filter(w, dev, NULL))
		return fail_words(w);
	watch.code = start_ipc();
	if (!watch.code && *dev) {
		watch.code = find_device(dev, &link);
		watch.ifindex = link.ifindex;
		watch.dev = dev;
	}
	if (watch.code)
		return watch.code;
	stop = catch_signals();
	if (stop < 0)
		return fail(EXIT_INPUT, "monitor: %s", strerror(errno));
	if (ipc_listen() || ipc_events(on_event, &watch, stop))
		watch.code = fail_ipc("monitor");
	close(stop);
	free(watch.seen);
	return watch.code;
}
