/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_wf2q.c - the tree of weights compared with a model without trees: an array that is
 * searched from end to end, with the rules as documented. Times begin near the value where they
 * wrap.
 */
#include "sched/bfq/bfq.h"
#include "sched/bfq/wf2q.h"

#include "rig.h"

#define ENTITIES 40
#define STEPS 100000

static uint64_t seed;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

/* The model. */
static struct model {
	uint64_t start, finish, budget, service, seq;
	uint32_t weight, new_weight;
	uint8_t place;
} model[ENTITIES];
static uint64_t vtime, last_seq, last_finish;
static struct bfq_tree tree;
static struct bfq_entity entity[ENTITIES];

static bool after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static uint64_t weights(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < ENTITIES; i++)
		sum += model[i].place == BFQ_NOWHERE ? 0 : model[i].weight;
	return sum;
}

static int number(uint8_t place)
{
	int n = 0;

	for (int i = 0; i < ENTITIES; i++)
		n += model[i].place == place;
	return n;
}

/* Returns the active entity with the smallest finish whose start is not after UNTIL. */
static int first_eligible(uint64_t until)
{
	int best = NONE;

	for (int i = 0; i < ENTITIES; i++) {
		if (model[i].place != BFQ_ACTIVE || after(model[i].start, until))
			continue;
		if (best == NONE || (model[i].finish == model[best].finish
					     ? model[i].seq < model[best].seq
					     : after(model[best].finish, model[i].finish)))
			best = i;
	}
	return best;
}

static int model_next(void)
{
	uint64_t min = 0;
	bool found = false;

	for (int i = 0; i < ENTITIES; i++) {
		if (model[i].place != BFQ_ACTIVE)
			continue;
		if (!found || after(min, model[i].start))
			min = model[i].start;
		found = true;
	}
	if (found && after(min, vtime))
		vtime = min;
	return first_eligible(vtime);
}

static void model_activate(int i, bool backshift, uint32_t raise)
{
	struct model *m = &model[i];

	m->start = vtime;
	if (after(vtime, m->finish) ? backshift : m->place == BFQ_RESTING)
		m->start = m->finish;
	m->weight = m->new_weight;
	m->finish = m->start + (m->budget << 22) / m->weight;
	if (backshift && after(vtime, m->finish)) {
		uint64_t push = (vtime - m->finish) / raise;

		m->start += push;
		m->finish += push;
	}
	m->place = BFQ_ACTIVE;
	m->seq = ++last_seq;
}

static void model_deactivate(int i)
{
	struct model *m = &model[i];

	m->finish = m->start + (m->service << 22) / m->weight;
	m->service = 0;
	m->place = BFQ_RESTING;
	m->seq = ++last_seq;
	if (after(m->finish, last_finish))
		last_finish = m->finish;
	if (!number(BFQ_ACTIVE) && !number(BFQ_SERVED) && after(last_finish, vtime))
		vtime = last_finish;
	if (!after(m->finish, vtime))
		m->place = BFQ_NOWHERE;
}

static void model_serve(uint64_t sectors)
{
	int first = NONE;

	vtime += (sectors << 22) / weights();
	for (int i = 0; i < ENTITIES; i++)
		if (model[i].place == BFQ_RESTING &&
		    (first == NONE || model[i].seq < model[first].seq))
			first = i;
	if (first == NONE)
		return;
	if (after(model[first].finish, vtime))
		model[first].seq = ++last_seq;
	else
		model[first].place = BFQ_NOWHERE;
}

static void same(void)
{
	assert_true(tree.vtime == vtime);
	assert_int_equal(tree.weights, weights());
	for (int i = 0; i < ENTITIES; i++) {
		assert_int_equal(entity[i].place, model[i].place);
		if (model[i].place == BFQ_NOWHERE)
			continue;
		assert_true(entity[i].start == model[i].start);
		if (model[i].place != BFQ_SERVED)
			assert_true(entity[i].finish == model[i].finish);
	}
}

static void rebudget(int i)
{
	uint64_t budget = 1 + pick(20000);

	entity[i].budget = model[i].budget = budget;
	if (pick(4) == 0)
		entity[i].new_weight = model[i].new_weight = 1 + (uint32_t)pick(1000);
}

static void serve(int i, uint64_t sectors)
{
	entity[i].service += sectors;
	model[i].service += sectors;
	bfq_wf2q_serve(&tree, sectors);
	model_serve(sectors);
}

/* Serves the next entity once; afterwards it may leave. */
static void serve_next(void)
{
	struct bfq_entity *e = bfq_wf2q_next(&tree, true);
	uint64_t before = vtime;
	int i = model_next();

	assert_true(e ? e - entity == i : i == NONE);
	if (!e)
		return;
	bfq_wf2q_take(&tree, e);
	model[i].place = BFQ_SERVED;
	for (uint64_t n = pick(5); n; n--)
		serve(i, 1 + pick(5000));
	assert_false(after(before, vtime));
	rebudget(i);
	if (pick(3)) {
		bfq_wf2q_requeue(&tree, e);
		model[i].start += (model[i].service << 22) / model[i].weight;
		model[i].service = 0;
		model[i].weight = model[i].new_weight;
		model[i].finish = model[i].start + (model[i].budget << 22) / model[i].weight;
		model[i].place = BFQ_ACTIVE;
		model[i].seq = ++last_seq;
	} else {
		bfq_wf2q_deactivate(&tree, e);
		model_deactivate(i);
	}
}

static void activate(int i)
{
	bool backshift = !pick(3);
	uint32_t raise = pick(2) ? 30 : 1;

	rebudget(i);
	bfq_wf2q_activate(&tree, &entity[i], backshift, raise);
	model_activate(i, backshift, raise);
}

static void change(int i)
{
	if (pick(3)) { /* a new budget while it waits */
		entity[i].budget = model[i].budget = 1 + pick(20000);
		bfq_wf2q_rebudget(&tree, &entity[i]);
		model[i].finish = model[i].start + (model[i].budget << 22) / model[i].weight;
		model[i].seq = ++last_seq;
	} else if (pick(2)) {
		serve(i, 1 + pick(100)); /* not the next one */
	} else {
		bfq_wf2q_deactivate(&tree, &entity[i]);
		model_deactivate(i);
	}
}

static void against_model(void **state)
{
	unsigned in_row = 0, in_tree = 0;

	(void)state;
	seed = 7;
	bfq_wf2q_init(&tree);
	/* 2^64 minus a few services, and then 2^63, where signs change. */
	for (int half = 0; half < 2; half++) {
		vtime = (half ? 1ull << 63 : 0) - (1ull << 33);
		tree.vtime = vtime;
		tree.last_finish = last_finish = vtime;
		for (int i = 0; i < ENTITIES; i++) {
			if (entity[i].place)
				bfq_wf2q_forget(&tree, &entity[i]);
			model[i].place = BFQ_NOWHERE;
			entity[i].finish = model[i].finish = vtime;
			entity[i].service = model[i].service = 0;
			entity[i].new_weight = model[i].new_weight = 1 + (uint32_t)pick(1000);
		}
		for (int step = 0; step < STEPS; step++) {
			int i = (int)pick(ENTITIES);

			if (pick(3) == 0)
				serve_next();
			else if (model[i].place == BFQ_ACTIVE)
				change(i);
			else
				activate(i);
			same();
			in_row += TAILQ_FIRST(&tree.row) != NULL;
			in_tree += RB_ROOT(&tree.active) != NULL;
		}
		assert_true(after(vtime, half ? 1ull << 63 : 0)); /* it has wrapped */
	}
	assert_true(in_row > STEPS && in_tree > STEPS); /* both cases were used */
}

static void becomes_active(struct bfq_tree *t, int i, uint64_t start, uint64_t budget)
{
	entity[i] = (struct bfq_entity){ .new_weight = 1, .budget = budget, .finish = start };
	bfq_wf2q_activate(t, &entity[i], true, 1);
}

/*
 * An entity that arrives in order is not inserted into the tree; one that is out of order does not
 * change that.
 */
static void in_a_row(void **state)
{
	struct bfq_tree t = { .vtime = 1000ull << 22 };
	static const uint64_t budget[] = { 20, 20, 90, 21, 22, 5, 22, 23 };
	static const int order[] = { 5, 0, 1, 3, 4, 6, 7, 2 };

	(void)state;
	bfq_wf2q_init(&t);
	assert_true(bfq_wf2q_empty(&t));
	for (int i = 0; i < 8; i++)
		becomes_active(&t, i, t.vtime, budget[i]);
	/* 5 may have been the one in order: 4 made room for it, and came too early for that */
	for (int i = 0; i < 8; i++)
		assert_int_equal(entity[i].in_row, i != 2 && i != 4 && i != 5);
	for (int i = 0; i < 8; i++) {
		assert_ptr_equal(bfq_wf2q_next(&t, true), &entity[order[i]]);
		bfq_wf2q_take(&t, &entity[order[i]]);
	}
	assert_true(bfq_wf2q_empty(&t));
}

/* In the row, too, no entity is served before its start. */
static void in_a_row_but_not_eligible(void **state)
{
	struct bfq_tree t = { .vtime = 1000ull << 22 };

	(void)state;
	bfq_wf2q_init(&t);
	becomes_active(&t, 0, t.vtime, 10);
	bfq_wf2q_take(&t, &entity[0]);
	entity[0].service = 10;
	bfq_wf2q_requeue(&t, &entity[0]); /* starts 10 later */
	becomes_active(&t, 1, t.vtime, 30);
	assert_true(entity[1].in_row);
	assert_false(entity[0].in_row); /* it finishes first, but starts later */
	assert_ptr_equal(bfq_wf2q_next(&t, true), &entity[1]);
	bfq_wf2q_take(&t, &entity[1]);
	assert_ptr_equal(bfq_wf2q_next(&t, true), &entity[0]);
	assert_true(t.vtime == 1010ull << 22); /* virtual time has advanced to its start */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_model),
		cmocka_unit_test(in_a_row),
		cmocka_unit_test(in_a_row_but_not_eligible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
