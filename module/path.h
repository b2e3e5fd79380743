/* SPDX-License-Identifier: GPL-2.0 */
/*
 * path.h - the way to a VTEP: route cache and per-CPU counters
 *
 * Belongs to one VTEP and goes with it.  Made by a work item when the first
 * packet asks, so that VTEPs without traffic cost no per-CPU memory and no
 * packet waits for, or fails on, an allocation.  Read under RCU.
 */
#ifndef _FLANNEL_PATH_H
#define _FLANNEL_PATH_H

#include <net/dst_cache.h>

#include "vtep.h"

struct flannel_dev;
struct flannel_table;

/**
 * struct flannel_path_counters - counters of one VTEP on one CPU
 * @value: by enum flannel_vtep_counter
 * @syncp: makes them consistent on 32 bits
 */
struct flannel_path_counters {
	u64_stats_t value[FLANNEL_VTEP_COUNTERS];
	struct u64_stats_sync syncp;
};

/**
 * struct flannel_path - the way to a VTEP
 * @cache: route, per CPU
 * @counters: per CPU
 */
struct flannel_path {
	struct dst_cache cache;
	struct flannel_path_counters __percpu *counters;
};

struct flannel_path *flannel_path_of(struct flannel_dev *fl, struct flannel_vtep *vtep);
void flannel_path_count_tx(struct flannel_vtep *vtep, unsigned int bytes);
void flannel_path_count_rx(struct flannel_dev *fl, struct flannel_vtep *vtep, unsigned int bytes);
void flannel_path_read(const struct flannel_vtep *vtep, u64 value[FLANNEL_VTEP_COUNTERS]);

void flannel_paths_init(struct flannel_dev *fl);
void flannel_paths_stop(struct flannel_dev *fl);
void flannel_paths_reset(struct flannel_dev *fl);

#endif /* _FLANNEL_PATH_H */
