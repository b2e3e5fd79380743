/* SPDX-License-Identifier: GPL-2.0 */
/*
 * world.h - a table and its model, driven by bytes
 *
 * Random bytes make random operations, mutated bytes make a fuzzer.  Every
 * answer is held against the model's; at every store on the way a reader looks
 * all of its addresses up, and has to see the state before or the one after.
 */
#ifndef WORLD_H
#define WORLD_H

#include "model.h"

/* Runs the operations that @data spells; dies where table and model differ. */
void world_run(const u8 *data, size_t len);

/* How often each refusal was seen, by enum flannel_refusal; 0: not refused. */
extern unsigned long world_seen[32];
/* Stores that the reader was run after. */
extern unsigned long world_stores;

/* What readers find, as the model says it; takes no lock. */
struct model_answer world_lookup(const struct flannel_table *table, const struct flannel_ip *ip);
/* Dies where @table is not what @model says: walks, look-ups, counts. */
void world_compare(const struct flannel_table *table, const struct model *model);

#endif /* WORLD_H */
