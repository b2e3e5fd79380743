// SPDX-License-Identifier: GPL-2.0
/*
 * world.c - a table and its model, driven by bytes
 */
#include <stdio.h>

#include "world.h"

#define CANDIDATES	2
#define MAX_PROBES	192
#define MAX_LEASES	72

enum op { OP_SET, OP_DEL, OP_LIMITS, OP_BEGIN, OP_ADD, OP_COMMIT, OP_ABORT, OP_GRACE };

/* What is to be common in a run, so that each limit is met in some. */
enum { MANY_LENGTHS = 1, MANY_MACS = 2, MANY_LOCALS = 4, FEW_LEASES = 8 };

struct input {
	const u8 *data;
	size_t len;
	u8 flavour;
};

struct candidate {
	struct flannel_table *table;
	struct model model;
};

/* An operation with all that it needs. */
struct request {
	enum op op;
	struct flannel_spec spec;
	enum flannel_set_mode mode;
	struct flannel_prefix network[FLANNEL_FAMILIES];
	u32 maxleases;
	struct candidate *cand;
	bool force;
};

/* Somebody who looks addresses up, before, during and after an operation. */
struct probe {
	struct flannel_ip ip;
	struct model_answer before;
	struct model_answer after;
	bool vtep_before;
	bool vtep_after;
};

struct world {
	struct mutex lock;
	struct flannel_table table;
	struct model model;
	struct candidate cand[CANDIDATES];
	struct probe probe[MAX_PROBES];
	int probes;
};

unsigned long world_seen[32];
unsigned long world_stores;

static struct world world;

static const int codes[] = {
	[FLANNEL_REFUSED_NO_MEMORY] = -ENOMEM,
	[FLANNEL_REFUSED_EXISTS] = -EEXIST,
	[FLANNEL_REFUSED_ABSENT] = -ENOENT,
	[FLANNEL_REFUSED_HOST_BITS] = -EINVAL,
	[FLANNEL_REFUSED_NOBODYS] = -EINVAL,
	[FLANNEL_REFUSED_OVERLAP_LOCAL] = -EINVAL,
	[FLANNEL_REFUSED_VTEP_INSIDE] = -EINVAL,
	[FLANNEL_REFUSED_OUTSIDE] = -EINVAL,
	[FLANNEL_REFUSED_LENGTHS] = -E2BIG,
	[FLANNEL_REFUSED_LOCALS] = -E2BIG,
	[FLANNEL_REFUSED_FULL] = -ENOSPC,
	[FLANNEL_REFUSED_MOVED] = -ESTALE,
	[FLANNEL_REFUSED_MACS] = -E2BIG,
};

/* Input */

static u8 byte(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static struct flannel_ip ip4(u32 addr)
{
	struct flannel_ip ip = { .family = AF_INET };

	ip.ip6.s6_addr32[0] = htonl(addr);
	return ip;
}

static struct flannel_ip ip6(u32 a, u32 b, u32 c, u32 d)
{
	struct flannel_ip ip = { .family = AF_INET6 };

	ip.ip6.s6_addr32[0] = htonl(a);
	ip.ip6.s6_addr32[1] = htonl(b);
	ip.ip6.s6_addr32[2] = htonl(c);
	ip.ip6.s6_addr32[3] = htonl(d);
	return ip;
}

static struct flannel_prefix take_prefix(struct input *in)
{
	static const u8 len4[] = { 24, 24, 24, 24, 24, 26, 22, 16, 20, 28, 30, 32 };
	static const u8 len6[] = { 64, 64, 64, 64, 64, 80, 56, 48, 72, 112, 128, 66 };
	u8 kind = byte(in), a = byte(in), b = byte(in), len = byte(in);
	bool many = len >= (in->flavour & MANY_LENGTHS ? 64 : 252);
	struct flannel_prefix prefix;

	if (kind & 1) {
		prefix.addr = ip6(0xfd000000 | (a & 1), (u32)(b & 7) << 13 | (u32)(a >> 6) << 5,
				  (u32)(b >> 3) << 27, (u32)a << 8);
		prefix.len = many ? 48 + len % 80 : len6[len % 12];
	} else {
		prefix.addr = ip4(0x0a000000 | (a & 1) << 16 | (b & 7) << 8 | (u32)(b >> 3) << 3);
		prefix.len = many ? 9 + len % 24 : len4[len % 12];
	}
	if (kind >= 252)
		prefix.addr = kind & 1 ? ip6(a & 1 ? 0xff020000 : 0, 0, 0, b) : ip4((u32)a << 24);
	if (kind < 240 || kind >= 244)
		prefix.addr = model_base(&prefix.addr, prefix.len);
	return prefix;
}

static void take_vtep(struct input *in, struct flannel_spec *spec)
{
	u8 kind = byte(in), addr = byte(in), mac = byte(in);

	if (in->flavour & MANY_MACS)
		spec->vtep = ip4(0xc0a80001);
	else if (kind >= 236)
		spec->vtep = kind & 1 ? ip6(0xfd000000, 0, 0, addr) : ip4(0x0a000000 | addr << 5);
	else if (kind >= 128)
		spec->vtep = ip4((kind & 1 ? 0xc0a80000 : 0x09000000) | (addr & 7));
	else
		spec->vtep = ip6(0x20010db8, 0, 0, addr & 3);
	spec->mac[0] = 2;
	spec->mac[5] = in->flavour & MANY_MACS ? mac % 24 : mac % 2;
}

static struct flannel_spec take_spec(struct input *in)
{
	struct flannel_spec spec = { .prefix = take_prefix(in) };

	spec.local = byte(in) >= (in->flavour & MANY_LOCALS ? 16 : 244);
	if (in->flavour & MANY_LOCALS && spec.prefix.addr.family == AF_INET) {
		spec.prefix.addr = ip4(0x0a000000 | byte(in));
		spec.prefix.len = 32;
	}
	if (!spec.local)
		take_vtep(in, &spec);
	return spec;
}

static void take_limits(struct input *in, struct request *request)
{
	static const u8 len4[] = { 0, 8, 12, 15, 14, 7, 8, 16 };
	static const u8 len6[] = { 0, 31, 30, 31, 28, 31, 48, 64 };
	u8 four = byte(in), six = byte(in);

	request->maxleases = in->flavour & FEW_LEASES ? byte(in) % 24 : MAX_LEASES;
	request->network[0] = (struct flannel_prefix){ .addr = ip4(0x0a000000),
						       .len = len4[four % 8] };
	request->network[1] = (struct flannel_prefix){ .addr = ip6(0xfd000000, 0, 0, 0),
						       .len = len6[six % 8] };
	request->network[0].addr = model_base(&request->network[0].addr, request->network[0].len);
}

static struct request take_request(struct input *in)
{
	static const u8 weight[] = { 120, 145, 153, 155, 242, 246, 247, 255 };
	static const u8 mode[] = {
		FLANNEL_SET_REPLACE, FLANNEL_SET_ADD, FLANNEL_SET_REPLACE, FLANNEL_SET_CHANGE,
	};
	struct request request = { .op = OP_SET };
	u8 which = byte(in);

	while (which > weight[request.op])
		request.op++;
	request.cand = &world.cand[byte(in) % CANDIDATES];
	if (request.op == OP_SET || request.op == OP_ADD)
		request.spec = take_spec(in);
	if (request.op == OP_SET)
		request.mode = mode[byte(in) % 4];
	if (request.op == OP_DEL && world.model.count && byte(in) < 230)
		request.spec = world.model.lease[byte(in) % world.model.count];
	else if (request.op == OP_DEL)
		request.spec.prefix = take_prefix(in);
	if (request.op == OP_LIMITS)
		take_limits(in, &request);
	if (request.op == OP_COMMIT)
		request.force = byte(in) & 1;
	return request;
}

/* The reader */

static bool knows_vtep(const struct model *model, const struct flannel_ip *ip)
{
	size_t i;

	for (i = 0; i < model->count; i++)
		if (!model->lease[i].local && model_ip_equal(&model->lease[i].vtep, ip))
			return true;
	return false;
}

static struct flannel_vtep *vtep_by_address(const struct flannel_table *table,
					    const struct flannel_ip *ip)
{
	struct flannel_vtep *vtep;

	rcu_read_lock();
	vtep = ip->family == AF_INET ? flannel_table_vtep4(table, ip->ip4) :
				       flannel_table_vtep6(table, &ip->ip6);
	shim_assert(!vtep || model_ip_equal(&vtep->addr, ip));
	rcu_read_unlock();
	return vtep;
}

struct model_answer world_lookup(const struct flannel_table *table, const struct flannel_ip *ip)
{
	struct model_answer answer = { .what = MODEL_NONE };
	struct flannel_vtep *vtep;

	rcu_read_lock();
	vtep = ip->family == AF_INET ? flannel_table_lookup4(table, ip->ip4) :
				       flannel_table_lookup6(table, &ip->ip6);
	if (vtep == &flannel_vtep_local) {
		answer.what = MODEL_LOCAL;
	} else if (vtep) {
		answer.what = MODEL_VTEP;
		answer.vtep = vtep->addr;
		memcpy(answer.mac, vtep->mac, ETH_ALEN);
	}
	rcu_read_unlock();
	return answer;
}

/* Between two stores: what was there before or what is to be, and nothing else. */
static void reader(void)
{
	struct model_answer answer;
	struct probe *probe;
	bool known;

	world_stores++;
	for (probe = world.probe; probe < world.probe + world.probes; probe++) {
		answer = world_lookup(&world.table, &probe->ip);
		shim_assert(model_answer_equal(&answer, &probe->before) ||
			    model_answer_equal(&answer, &probe->after));
		if (answer.what == MODEL_VTEP)
			shim_assert(vtep_by_address(&world.table, &answer.vtep));
		known = vtep_by_address(&world.table, &probe->ip);
		shim_assert(known == probe->vtep_before || known == probe->vtep_after);
	}
}

static void add_probe(const struct flannel_ip *ip)
{
	if (world.probes < MAX_PROBES)
		world.probe[world.probes++].ip = *ip;
}

static void add_probes(const struct model *model, u32 random)
{
	struct flannel_ip ip;
	size_t i;

	for (i = 0; i < model->count; i++) {
		const struct flannel_spec *spec = &model->lease[(i + random) % model->count];

		add_probe(&spec->prefix.addr);
		ip = model_last(&spec->prefix);
		add_probe(&ip);
		if (spec->local)
			continue;
		add_probe(&spec->vtep);
		ip = model_step(random & 1 ? &ip : &spec->prefix.addr, random & 1 ? 1 : -1);
		add_probe(&ip);
		if (world.probes % (MAX_PROBES / 2) > MAX_PROBES / 2 - 4)
			return;
	}
}

static void choose_probes(const struct model *after)
{
	struct probe *probe;
	u32 random = get_random_u32();

	world.probes = 0;
	add_probes(&world.model, random);
	add_probes(after, random);
	for (probe = world.probe; probe < world.probe + world.probes; probe++) {
		probe->before = model_lookup(&world.model, &probe->ip);
		probe->after = model_lookup(after, &probe->ip);
		probe->vtep_before = knows_vtep(&world.model, &probe->ip);
		probe->vtep_after = knows_vtep(after, &probe->ip);
	}
}

/* Comparison */

static void compare_walk(const struct flannel_table *table, const struct model *model)
{
	const struct flannel_spec *same;
	struct flannel_spec spec;
	size_t count = 0;
	u64 cursor = 0;

	for (; flannel_table_next_lease(table, &cursor, &spec); count++) {
		same = model_exact(model, &spec.prefix);
		shim_assert(same && model_spec_equal(same, &spec));
	}
	shim_assert(count == model->count);
}

static void compare_counts(const struct flannel_table *table, const struct model *model)
{
	u32 leases[FLANNEL_FAMILIES] = {}, locals = 0;
	int family;
	size_t i;

	for (i = 0; i < model->count; i++) {
		leases[model->lease[i].prefix.addr.family == AF_INET6]++;
		locals += model->lease[i].local;
	}
	shim_assert(table->locals == locals);
	for (family = 0; family < FLANNEL_FAMILIES; family++) {
		shim_assert(table->leases[family] == leases[family]);
		shim_assert(flannel_table_is_direct(table, family) ==
			    model_is_direct(model, family));
	}
}

static void compare_vteps(const struct flannel_table *table, const struct model *model)
{
	const struct flannel_vtep *vtep;
	u32 vteps = 0, leases = 0;
	u64 cursor = 0;

	for (; (vtep = flannel_table_next_vtep(table, &cursor)); vteps++) {
		shim_assert(vtep->leases);
		shim_assert(vtep->leases == model_leases_of(model, &vtep->addr, vtep->mac));
		leases += vtep->leases;
	}
	shim_assert(table->vteps == vteps);
	shim_assert(leases == model->count - table->locals);
}

static void compare_find(const struct flannel_table *table, const struct model *model,
			 const struct flannel_ip *ip)
{
	const struct flannel_spec *expected = model_find(model, ip);
	struct model_answer answer = model_lookup(model, ip), found = world_lookup(table, ip);
	struct flannel_spec spec;
	bool covered = flannel_table_find(table, ip, &spec);

	shim_assert(model_answer_equal(&answer, &found));
	shim_assert(covered == !!expected);
	shim_assert(!covered || model_spec_equal(&spec, expected));
}

void world_compare(const struct flannel_table *table, const struct model *model)
{
	struct flannel_ip ip;
	size_t i;

	compare_walk(table, model);
	compare_counts(table, model);
	compare_vteps(table, model);
	shim_assert(table->seq == model->seq);
	for (i = 0; i < model->count; i++) {
		compare_find(table, model, &model->lease[i].prefix.addr);
		ip = model_last(&model->lease[i].prefix);
		compare_find(table, model, &ip);
		ip = model_step(&ip, 1);
		compare_find(table, model, &ip);
	}
}

/* Operations */

static int expect(const struct request *request, struct model *after, struct flannel_diff *diff)
{
	switch (request->op) {
	case OP_SET:
		return model_set(after, &request->spec, request->mode);
	case OP_DEL:
		return model_del(after, &request->spec.prefix);
	case OP_LIMITS:
		return model_limits(after, request->network, request->maxleases);
	case OP_COMMIT:
		return model_commit(after, &request->cand->model, request->force, diff);
	default:
		return 0;
	}
}

static void end_candidate(struct candidate *cand)
{
	mutex_unlock(&world.lock);
	shim_grace_period();
	flannel_candidate_free(cand->table);
	mutex_lock(&world.lock);
	cand->table = NULL;
}

/* As it was before a commit failed for want of memory. */
static void redo_candidate(struct candidate *cand)
{
	struct flannel_error err;
	size_t i;

	end_candidate(cand);
	cand->table = flannel_candidate_create(&world.table);
	shim_assert(cand->table);
	memcpy(cand->table->network, cand->model.network, sizeof(cand->table->network));
	cand->table->maxleases = cand->model.maxleases;
	cand->table->seq = cand->model.seq;
	for (i = 0; i < cand->model.count; i++)
		shim_assert(!flannel_candidate_add(cand->table, &world.table,
						   &cand->model.lease[i], &err));
}

static int perform(const struct request *request, struct flannel_diff *diff,
		   struct flannel_error *err)
{
	struct flannel_table *table = &world.table;
	struct flannel_spec old;
	int ret;

	switch (request->op) {
	case OP_SET:
		return flannel_table_set(table, &request->spec, request->mode, err);
	case OP_DEL:
		ret = flannel_table_del(table, &request->spec.prefix, &old, err);
		shim_assert(ret || model_spec_equal(&old, model_exact(&world.model, &old.prefix)));
		return ret;
	case OP_LIMITS:
		return flannel_table_set_limits(table, request->network, request->maxleases, err);
	case OP_COMMIT:
		return flannel_candidate_commit(request->cand->table, table, request->force,
						diff, err);
	default:
		return 0;
	}
}

/* Fails each allocation once, then lets it pass. */
static int perform_failing(const struct request *request, struct flannel_diff *diff,
			   struct flannel_error *err)
{
	size_t n, failures;
	int ret;

	for (n = 0; ; n++) {
		failures = shim_failures;
		shim_fail_after = n;
		ret = perform(request, diff, err);
		shim_fail_after = SIZE_MAX;
		if (failures == shim_failures)
			return ret;
		shim_assert(ret == -ENOMEM && err->why == FLANNEL_REFUSED_NO_MEMORY);
		world_seen[FLANNEL_REFUSED_NO_MEMORY]++;
		world_compare(&world.table, &world.model);
		if (request->op == OP_COMMIT)
			redo_candidate(request->cand);
	}
}

static void check_error(const struct request *request, const struct flannel_error *err)
{
	const struct model *model = request->op == OP_COMMIT || request->op == OP_ADD ?
				    &request->cand->model : &world.model;
	const struct flannel_prefix *network;
	const struct flannel_spec *other;

	switch (err->why) {
	case FLANNEL_REFUSED_VTEP_INSIDE:
		shim_assert(model_contains(&err->prefix, &err->other.addr));
		shim_assert(err->other.len == (err->other.addr.family == AF_INET ? 32 : 128));
		return;
	case FLANNEL_REFUSED_OVERLAP_LOCAL:
		other = model_exact(model, &err->other);
		shim_assert(other && model_overlaps(&err->prefix, &err->other));
		shim_assert(other->local || request->spec.local);
		break;
	case FLANNEL_REFUSED_OUTSIDE:
		network = request->op == OP_LIMITS ? request->network :
			  request->op == OP_ADD ? model->network : world.model.network;
		network += err->prefix.addr.family == AF_INET6;
		shim_assert(model_prefix_equal(&err->other, network));
		break;
	default:
		break;
	}
	if (request->op == OP_SET || request->op == OP_DEL || request->op == OP_ADD)
		shim_assert(model_prefix_equal(&err->prefix, &request->spec.prefix));
}

static void check_result(const struct request *request, int expected, int ret,
			 const struct flannel_error *err)
{
	if (expected >= 0) {
		shim_assert(ret == expected);
		world_seen[0]++;
		return;
	}
	shim_assert(ret < 0 && err->why == -expected);
	shim_assert(ret == codes[err->why]);
	world_seen[err->why]++;
	check_error(request, err);
}

struct known {
	struct flannel_vtep *vtep[MAX_LEASES];
	struct flannel_ip addr[MAX_LEASES];
	u8 mac[MAX_LEASES][ETH_ALEN];
	int count;
};

static void remember_vteps(struct known *known)
{
	struct flannel_vtep *vtep;
	u64 cursor = 0;

	known->count = 0;
	while ((vtep = flannel_table_next_vtep(&world.table, &cursor))) {
		known->vtep[known->count] = vtep;
		known->addr[known->count] = vtep->addr;
		memcpy(known->mac[known->count++], vtep->mac, ETH_ALEN);
	}
}

/* Counters and paths are kept: a VTEP that stays is the same object. */
static void compare_known(const struct known *known)
{
	struct flannel_vtep *vtep;
	u64 cursor = 0;
	int i;

	while ((vtep = flannel_table_next_vtep(&world.table, &cursor)))
		for (i = 0; i < known->count; i++)
			if (model_ip_equal(&vtep->addr, &known->addr[i]) &&
			    !memcmp(vtep->mac, known->mac[i], ETH_ALEN))
				shim_assert(vtep == known->vtep[i]);
}

static void change(const struct request *request, bool failing)
{
	struct flannel_diff diff = {}, expected_diff = {};
	struct flannel_error err;
	struct known known;
	struct model after;
	int expected, ret;

	model_copy(&after, &world.model);
	expected = expect(request, &after, &expected_diff);
	choose_probes(&after);
	remember_vteps(&known);

	shim_reader = reader;
	shim_reader_stays = !failing;	/* failing, it frees what no reader ever saw */
	ret = failing ? perform_failing(request, &diff, &err) : perform(request, &diff, &err);
	shim_reader_stays = false;
	shim_reader = NULL;
	check_result(request, expected, ret, &err);
	if (request->op == OP_COMMIT && ret == 0)
		shim_assert(!memcmp(&diff, &expected_diff, sizeof(diff)));

	model_free(&world.model);
	world.model = after;
	world_compare(&world.table, &world.model);
	compare_known(&known);
	if (request->op == OP_COMMIT)
		end_candidate(request->cand);
}

static void begin(struct candidate *cand)
{
	if (cand->table)
		return;
	cand->table = flannel_candidate_create(&world.table);
	shim_assert(cand->table);
	model_free(&cand->model);
	model_copy(&cand->model, &world.model);
	cand->model.count = 0;
}

static void add(const struct request *request, bool failing)
{
	struct candidate *cand = request->cand;
	int expected = model_cand_add(&cand->model, &request->spec), ret;
	struct flannel_error err;
	size_t n = 0, failures;

	do {
		failures = shim_failures;
		shim_fail_after = failing ? n++ : SIZE_MAX;
		ret = flannel_candidate_add(cand->table, &world.table, &request->spec, &err);
		shim_fail_after = SIZE_MAX;
	} while (failures != shim_failures);
	check_result(request, expected, ret, &err);
}

static void step(struct input *in)
{
	struct request request = take_request(in);
	bool failing = byte(in) < 48;

	if (request.op == OP_GRACE) {
		shim_grace_period();
	} else if (request.op == OP_BEGIN) {
		begin(request.cand);
	} else if (request.op < OP_BEGIN) {
		change(&request, failing);
	} else {
		begin(request.cand);
		if (request.op == OP_ADD)
			add(&request, failing);
		else if (request.op == OP_COMMIT)
			change(&request, failing);
		else
			end_candidate(request.cand);
	}
}

void world_run(const u8 *data, size_t len)
{
	struct input in = { .data = data, .len = len };
	struct request limits = { .op = OP_LIMITS };
	struct flannel_error err;
	int i;

	memset(&world, 0, sizeof(world));
	shim_assert(!flannel_vtep_init() && !flannel_lease_cache_init());
	shim_assert(!flannel_table_init(&world.table, &world.lock));
	mutex_lock(&world.lock);
	in.flavour = byte(&in);
	take_limits(&in, &limits);
	limits.maxleases = MAX_LEASES;
	shim_assert(!flannel_table_set_limits(&world.table, limits.network, MAX_LEASES, &err));
	shim_assert(!model_limits(&world.model, limits.network, MAX_LEASES));

	while (in.len)
		step(&in);

	mutex_unlock(&world.lock);
	for (i = 0; i < CANDIDATES; i++) {
		flannel_candidate_free(world.cand[i].table);
		model_free(&world.cand[i].model);
	}
	flannel_table_destroy(&world.table);
	model_free(&world.model);
	shim_grace_period();
	flannel_lease_cache_exit();
	flannel_vtep_exit();
	shim_assert(!shim_bytes);
}
