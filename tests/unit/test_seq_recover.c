/* test_seq_recover.c - opening a log on a real folder: what is believed, what is refused, what is
 * rebuilt. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/seq_world.h"

static char dir[64], folder[96], key[96];
static struct policy_rules rules;

/* A shell command with $D = dir and $F = folder. */
static void
sh(const char *cmd)
{
	cr_assert_eq(system(cmd), 0, "%s", cmd);
}

static void
up(void)
{
	struct why why;

	snprintf(dir, sizeof(dir), "/tmp/ectrecover.XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(folder, sizeof(folder), "%s/log", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	cr_assert_eq(mkdir(folder, 0700), 0);
	setenv("D", dir, 1);
	setenv("F", folder, 1);
	cr_assert_eq(log_signer_create(key, &why), RC_OK);
	policy_rules_init(&rules);
}

static void
down(void)
{
	sh("rm -rf $D");
	policy_rules_release(&rules);
}

TestSuite(seq_recover, .init = up, .fini = down);

static enum rc
open_log(struct ledger **l, struct why *why)
{
	struct ledger_options o = {.folder = folder,
	    .origin = "test.example/log",
	    .key_path = key,
	    .map_size = 1u << 30,
	    .free_bytes_min = 1,
	    .create = true};
	struct log_sink quiet = {.fd = -1};
	enum rc rc;

	o.sink = &quiet;
	rc = ledger_open(l, &o, &rules, why);
	if (rc == RC_OK)
		rc = seq_first_checkpoint(*l);
	return rc;
}

static struct ledger *
opened(void)
{
	struct ledger *l = NULL;
	struct why why;
	enum rc rc = open_log(&l, &why);

	cr_assert_eq(rc, RC_OK, "%s: %s", rc_label(rc), why.text);
	if (ledger_published(l) == 0)
		cr_assert_eq(world_key(l, 1800000000000, EVENT_ENROLL, WORLD_KEY, 0), RC_OK);
	return l;
}

/* Append tokens [from, from + count), each the child of the one before. */
static void
add(struct ledger *l, uint64_t from, uint64_t count)
{
	for (uint64_t n = from; n < from + count; n++) {
		uint8_t pred[1][16];
		struct token_make t = {0};
		struct world_job j;
		struct seq_job *list[1];

		token_make_id(n, t.jti);
		token_make_id(n - 1, pred[0]);
		t.pred = (const uint8_t(*)[16])pred;
		t.pred_count = n % 100 > 1;
		world_job_init(&j, &t);
		list[0] = &j.job;
		cr_assert_eq(seq_step(l, list, 1, 1800000000000), RC_OK);
		cr_assert_eq(j.job.rc, RC_OK, "%s", j.job.why.text);
		world_job_release(&j);
	}
}

static uint64_t
found(struct ledger *l, uint64_t n)
{
	struct index_view *view = NULL;
	struct index_hit hit = {.index = UINT64_MAX};
	uint8_t jti[16];

	token_make_id(n, jti);
	cr_assert_eq(index_view_begin(ledger_index(l), UINT64_MAX, &view), RC_OK);
	index_find(view, false, NULL, jti, &hit);
	index_view_end(view);
	return hit.index;
}

Test(seq_recover, goes_on_after_a_restart)
{
	struct ledger *l = opened();

	add(l, 1, 20);
	ledger_close(l);
	l = opened();
	cr_assert_eq(ledger_published(l), WORLD_FIRST + 20);
	add(l, 21, 5);
	cr_assert_eq(found(l, 3), WORLD_FIRST + 2);
	cr_assert_eq(found(l, 25), WORLD_FIRST + 24);
	ledger_close(l);
}

Test(seq_recover, rebuilds_a_missing_index)
{
	struct ledger *l = opened();

	add(l, 1, 30);
	ledger_close(l);
	sh("rm -rf $F/index");
	l = opened();
	cr_assert_eq(found(l, 1), WORLD_FIRST + 0);
	cr_assert_eq(found(l, 30), WORLD_FIRST + 29);
	add(l, 31, 1);
	ledger_close(l);
}

Test(seq_recover, rebuilds_a_stale_index)
{
	struct ledger *l = opened();

	add(l, 1, 10);
	ledger_close(l);
	sh("cp -a $F/index $D/old");
	l = opened();
	add(l, 11, 10);
	ledger_close(l);
	sh("rm -rf $F/index && mv $D/old $F/index");
	l = opened();
	cr_assert_eq(found(l, 20), WORLD_FIRST + 19);
	add(l, 21, 1);
	ledger_close(l);
}

Test(seq_recover, rebuilds_the_index_of_another_log)
{
	struct ledger *l = opened();

	add(l, 1, 10);
	ledger_close(l);
	sh("mv $F/index $D/other && mv $F $D/first && mkdir $F");
	l = opened();
	add(l, 101, 10);
	ledger_close(l);
	sh("rm -rf $F/index && mv $D/other $F/index");
	l = opened();
	cr_assert_eq(found(l, 105), WORLD_FIRST + 4);
	cr_assert_eq(found(l, 5), UINT64_MAX, "an id of the other log");
	ledger_close(l);
}

Test(seq_recover, rebuilds_a_damaged_index)
{
	struct ledger *l = opened();

	add(l, 1, 30);
	ledger_close(l);
	sh("f=$(find $F/index -name data.mdb) && head -c 8192 /dev/zero | tr '\\0' x | "
	   "dd of=$f conv=notrunc 2>/dev/null");
	l = opened();
	cr_assert_eq(found(l, 30), WORLD_FIRST + 29);
	ledger_close(l);
}

static void
refused(enum rc want)
{
	struct ledger *l = NULL;
	struct why why;
	enum rc rc = open_log(&l, &why);

	cr_assert_eq(rc, want, "%s: %s", rc_label(rc), why.text);
	cr_assert_null(l);
	cr_assert(why.text[0] != 0);
}

Test(seq_recover, refuses_a_database_that_is_older_than_the_journal)
{
	struct ledger *l = opened();

	add(l, 1, 10);
	ledger_close(l);
	sh("cp -a $F/log $D/old");
	l = opened();
	add(l, 11, 10);
	ledger_close(l);
	sh("rm -rf $F/log && mv $D/old $F/log");
	refused(RC_STORE_DOUBT);
}

Test(seq_recover, refuses_a_journal_that_was_lost)
{
	struct ledger *l = opened();

	add(l, 1, 10);
	ledger_close(l);
	sh("rm -rf $F/journal");
	refused(RC_CORRUPT);
}

Test(seq_recover, refuses_a_journal_that_is_an_old_copy)
{
	struct ledger *l = opened();

	add(l, 1, 3);
	ledger_close(l);
	sh("cp -a $F/journal $D/old");
	l = opened();
	add(l, 4, 3);
	ledger_close(l);
	sh("rm -rf $F/journal && mv $D/old $F/journal");
	refused(RC_STORE_DOUBT);
}

Test(seq_recover, rolls_the_journal_forward_by_one_checkpoint)
{
	struct ledger *l = opened();

	add(l, 1, 3);
	ledger_close(l);
	sh("cp -a $F/journal $D/old");
	l = opened();
	add(l, 4, 1);
	ledger_close(l);
	sh("rm -rf $F/journal && mv $D/old $F/journal");
	l = opened();
	cr_assert_eq(ledger_published(l), WORLD_FIRST + 4);
	add(l, 5, 1);
	ledger_close(l);
	l = opened();
	cr_assert_eq(ledger_published(l), WORLD_FIRST + 5);
	ledger_close(l);
}

Test(seq_recover, refuses_an_entry_that_does_not_match_its_leaf)
{
	struct ledger *l = opened();

	add(l, 1, 5);
	ledger_close(l);
	/* One letter of a stored token. */
	sh("f=$(find $F/log -name data.mdb) && perl -0pi -e 's/eyJhbGci/eyJhbGcI/g' $f");
	refused(RC_CORRUPT);
}

Test(seq_recover, refuses_another_key)
{
	struct ledger *l = opened();
	struct why why;

	add(l, 1, 5);
	ledger_close(l);
	sh("rm $D/key.pem");
	cr_assert_eq(log_signer_create(key, &why), RC_OK);
	refused(RC_CORRUPT);
}

Test(seq_recover, two_processes_never_open_one_log)
{
	struct ledger *l = opened();

	add(l, 1, 1);
	if (fork() == 0) {
		struct ledger *other = NULL;
		struct why why;

		_exit(open_log(&other, &why) == RC_OK ? 1 : 0);
	} else {
		int status = -1;

		wait(&status);
		cr_assert_eq(status, 0);
	}
	ledger_close(l);
}
