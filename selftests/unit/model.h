/* SPDX-License-Identifier: GPL-2.0 */
/*
 * model.h - the lease table as an array, for comparison
 *
 * Says by linear search what each operation has to answer.  Shares only plain
 * structures with the module, none of its functions.
 */
#ifndef MODEL_H
#define MODEL_H

#include "table.h"

struct model {
	struct flannel_spec *lease;
	size_t count;
	struct flannel_prefix network[FLANNEL_FAMILIES];
	u32 maxleases;
	u64 seq;
};

/* What a look-up answers: a VTEP, local, or nothing. */
struct model_answer {
	enum { MODEL_NONE, MODEL_LOCAL, MODEL_VTEP } what;
	struct flannel_ip vtep;
	u8 mac[ETH_ALEN];
};

bool model_ip_equal(const struct flannel_ip *a, const struct flannel_ip *b);
bool model_contains(const struct flannel_prefix *prefix, const struct flannel_ip *ip);
bool model_overlaps(const struct flannel_prefix *a, const struct flannel_prefix *b);
bool model_prefix_equal(const struct flannel_prefix *a, const struct flannel_prefix *b);
bool model_spec_equal(const struct flannel_spec *a, const struct flannel_spec *b);
bool model_answer_equal(const struct model_answer *a, const struct model_answer *b);
struct flannel_ip model_base(const struct flannel_ip *ip, u8 len);
struct flannel_ip model_last(const struct flannel_prefix *prefix);
struct flannel_ip model_step(const struct flannel_ip *ip, int step);

void model_copy(struct model *to, const struct model *from);
void model_free(struct model *model);

const struct flannel_spec *model_find(const struct model *model, const struct flannel_ip *ip);
const struct flannel_spec *model_exact(const struct model *model,
				       const struct flannel_prefix *prefix);
struct model_answer model_lookup(const struct model *model, const struct flannel_ip *ip);
u32 model_leases_of(const struct model *model, const struct flannel_ip *vtep, const u8 *mac);
bool model_is_direct(const struct model *model, int family);

/* Change the model; negative: -(enum flannel_refusal), and nothing changed. */
int model_set(struct model *model, const struct flannel_spec *spec, enum flannel_set_mode mode);
int model_del(struct model *model, const struct flannel_prefix *prefix);
int model_limits(struct model *model, const struct flannel_prefix *network, u32 maxleases);
int model_cand_add(struct model *cand, const struct flannel_spec *spec);
int model_commit(struct model *model, const struct model *cand, bool force,
		 struct flannel_diff *diff);

#endif /* MODEL_H */
