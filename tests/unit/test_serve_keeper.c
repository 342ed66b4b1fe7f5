/*
 * The keeper: what the trust folder has becomes entries of the log before it is in force.
 */
#include "test_serve_help.h"

#include "trust/history.h"

#define STATS "/ectledger.v1.Admin/Stats"

static enum rc
one(struct hall *h, char *token)
{
	Ectledger__V1__AppendReply *reply = hall_append(h, &token, 1);
	const Ectledger__V1__Refusal *refusal = reply->answers[0]->refusal;
	enum rc rc = refusal != NULL ? (enum rc)refusal->code : RC_OK;

	ectledger__v1__append_reply__free_unpacked(reply, NULL);
	return rc;
}

static double
counter(struct hall *h, const char *name)
{
	struct call_request r = ask(STATS, BYTES_NONE);
	struct why why = {0};
	Ectledger__V1__StatsReply *stats;
	struct call_answer a;
	double value = -1;

	cr_assert_eq(serve_begin(h->serve, &r, &why), RC_OK);
	a = hall_wait(h);
	stats = ectledger__v1__stats_reply__unpack(NULL, a.message.n, a.message.p);
	for (size_t i = 0; i < stats->n_counters; i++)
		if (strcmp(stats->counters[i]->name, name) == 0)
			value = stats->counters[i]->value;
	ectledger__v1__stats_reply__free_unpacked(stats, NULL);
	serve_release(h->serve, a.call);
	return value;
}

/* Wait for what the keeper does. */
static void
until(struct hall *h, const char *name, double value)
{
	double got = -1;

	for (int i = 0; i < 10000 && got != value; i++) {
		got = counter(h, name);
		usleep(1000);
	}
	cr_assert_eq(got, value, "%s is %f", name, got);
}

static void
write_file(struct hall *h, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/example.com/%s", h->folder, name);
	cr_assert((f = fopen(path, "w")) != NULL);
	fputs(text, f);
	cr_assert(fclose(f) == 0);
}

static void
remove_file(struct hall *h, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/example.com/%s", h->folder, name);
	cr_assert(unlink(path) == 0);
}

Test(serve_keeper, the_first_round_is_over_before_the_first_call)
{
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	cr_assert_eq(ledger_published(h.world.ledger), 1, "the agent's key");
	cr_assert_eq(counter(&h, "ectledger_log_key_entries{log=\"default\"}"), 1);
	cr_assert_eq(counter(&h, "ectledger_log_trust_behind{log=\"default\"}"), 0);
	serve_reload_trust(h.serve);
	until(&h, "ectledger_trust_reloads_total", 2);
	cr_assert_eq(ledger_published(h.world.ledger), 1, "nothing new is not written down again");
	hall_end(&h);
}

Test(serve_keeper, a_key_that_is_gone_is_withdrawn_and_good_again_when_it_is_back)
{
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	cr_assert_eq(one(&h, hall_token_n(&h, 1)), RC_OK);
	remove_file(&h, "a.jwks.json");
	until(&h, "ectledger_log_key_entries{log=\"default\"}", 2);
	cr_assert_eq(one(&h, hall_token_n(&h, 2)), RC_UNKNOWN_KEY);
	hall_enrol(&h);
	cr_assert_eq(one(&h, hall_token_n(&h, 2)), RC_OK);
	cr_assert_eq(counter(&h, "ectledger_log_key_entries{log=\"default\"}"), 3);
	hall_end(&h);
}

Test(serve_keeper, a_bad_file_changes_nothing_and_is_tried_again)
{
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	write_file(&h, "b.jwks.json", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"");
	until(&h, "ectledger_log_trust_behind{log=\"default\"}", 1);
	cr_assert_eq(one(&h, hall_token_n(&h, 1)), RC_OK, "the keys before are in force");
	cr_assert_eq(counter(&h, "ectledger_log_key_entries{log=\"default\"}"), 1);
	remove_file(&h, "b.jwks.json");
	until(&h, "ectledger_log_trust_behind{log=\"default\"}", 0);
	hall_end(&h);
}

Test(serve_keeper, no_space_keeps_the_keys_before_in_force_until_there_is_some)
{
	struct hall h;

	hall_init(&h);
	hall_start(&h);
	store_mem_fault(h.world.store, STORE_FAULT_SPACE, 0);
	hall_enrol(&h);
	until(&h, "ectledger_trust_failures_total", 1);
	until(&h, "ectledger_log_trust_behind{log=\"default\"}", 0);
	cr_assert_eq(ledger_published(h.world.ledger), 1, "tried again by itself");
	cr_assert_eq(one(&h, hall_token_n(&h, 1)), RC_OK);
	hall_end(&h);
}

static struct call_answer
trust_store(struct hall *h, Ectledger__V1__TrustStoreRequest *m)
{
	uint8_t room[8192];
	size_t n = ectledger__v1__trust_store_request__pack(m, room);
	struct call_request r = ask("/ectledger.v1.Admin/TrustStore", bytes_of(room, n));
	struct why why = {0};

	cr_assert_eq(serve_begin(h->serve, &r, &why), RC_OK);
	return hall_wait(h);
}

Test(serve_keeper, the_keys_are_listed_as_of_any_size)
{
	Ectledger__V1__TrustStoreRequest m = ECTLEDGER__V1__TRUST_STORE_REQUEST__INIT;
	Ectledger__V1__TrustStoreReply *reply;
	struct hall h;
	struct call_answer a;
	char list[] = "list", other[] = "other.org", none[] = "";

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	remove_file(&h, "a.jwks.json");
	until(&h, "ectledger_log_key_entries{log=\"default\"}", 2);
	m.action = list;
	for (uint64_t at = 0; at < 3; at++) {
		m.at = at;
		a = trust_store(&h, &m);
		cr_assert_eq(a.rc, RC_OK);
		reply = ectledger__v1__trust_store_reply__unpack(NULL, a.message.n, a.message.p);
		cr_assert(reply->n_keys == 1 && reply->tree_size == (at ? at : 2));
		cr_assert_str_eq(reply->keys[0]->state, at == 1 ? "enrolled" : "withdrawn");
		cr_assert_str_eq(reply->keys[0]->by, "folder");
		cr_assert_str_eq(reply->keys[0]->alg, "EdDSA");
		cr_assert_str_eq(reply->keys[0]->kid, "k");
		cr_assert(reply->keys[0]->n_issuers == 1 && reply->keys[0]->id.len == HASH_SIZE);
		ectledger__v1__trust_store_reply__free_unpacked(reply, NULL);
		serve_release(h.serve, a.call);
	}
	m.at = 3;
	a = trust_store(&h, &m);
	cr_assert_eq(a.rc, RC_NOT_FOUND, "the log has two entries");
	serve_release(h.serve, a.call);
	m.at = 0;
	m.domain = other;
	a = trust_store(&h, &m);
	reply = ectledger__v1__trust_store_reply__unpack(NULL, a.message.n, a.message.p);
	cr_assert(a.rc == RC_OK && reply->n_keys == 0);
	ectledger__v1__trust_store_reply__free_unpacked(reply, NULL);
	serve_release(h.serve, a.call);
	m.domain = none;
	hall_enrol(&h); /* so that the folder is tidied as ever */
	hall_end(&h);
}
