/*
 * The story of a write, from request bytes to answer bytes, over a log in memory.
 */
#include "test_serve_help.h"

static Ectledger__V1__AppendReply *
append_one(struct hall *h, char *token)
{
	Ectledger__V1__AppendReply *reply = hall_append(h, &token, 1);

	cr_assert(reply != NULL && reply->n_answers == 1);
	return reply;
}

static void
drop(Ectledger__V1__AppendReply *reply)
{
	ectledger__v1__append_reply__free_unpacked(reply, NULL);
}

Test(serve_submit, a_good_token_is_answered_with_a_receipt_that_verifies)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;
	struct receipt receipt = {0};
	struct receipt_verdict verdict;
	const Ectledger__V1__Receipt *r;
	uint8_t entry[4096];
	char *token, copy[2048];

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	drop(append_one(&h, hall_token_n(&h, 10)));
	token = hall_token_n(&h, 1);
	cr_assert(strlen(token) < sizeof copy);
	memcpy(copy, token, strlen(token) + 1);
	reply = append_one(&h, token);
	cr_assert_null(reply->answers[0]->refusal);
	r = reply->answers[0]->receipt;
	cr_assert(r != NULL && r->entry_is_head && r->entry.len + strlen(copy) < sizeof entry);
	memcpy(entry, r->entry.data, r->entry.len);
	memcpy(entry + r->entry.len, copy, strlen(copy));
	receipt.index = r->index;
	receipt.tree_size = r->tree_size;
	memcpy(receipt.leaf.b, r->leaf_hash.data, HASH_SIZE);
	cr_assert_eq(r->path.len, HASH_SIZE,
	    "its sibling is the node of the key's entry and the first token");
	receipt.path_count = 1;
	memcpy(receipt.path, r->path.data, r->path.len);
	receipt.checkpoint = bytes_of(r->checkpoint.data, r->checkpoint.len);
	cr_assert_eq(receipt_verify(&receipt, ledger_vkey(h.world.ledger),
			 bytes_of(entry, r->entry.len + strlen(copy)), bytes_str(copy), &verdict),
	    RC_OK);
	cr_assert_eq(verdict.token_match, RECEIPT_OK);
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, the_same_token_again_is_a_duplicate_at_the_same_index)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	drop(append_one(&h, hall_token_n(&h, 5)));
	drop(append_one(&h, hall_token_n(&h, 6)));
	reply = append_one(&h, hall_token_n(&h, 5));
	cr_assert(reply->answers[0]->duplicate);
	cr_assert_eq(reply->answers[0]->index, 1, "0 is the key's own");
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, each_token_of_a_request_has_its_own_answer_in_order)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;
	char *tokens[40];
	uint8_t id[16];

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	for (uint64_t i = 0; i < 40; i++)
		tokens[i] = i % 3 == 1 ? strdup("not a token") : hall_token_n(&h, i);
	reply = hall_append(&h, tokens, 40);
	cr_assert(reply != NULL && reply->n_answers == 40);
	for (uint64_t i = 0; i < 40; i++) {
		const Ectledger__V1__AppendAnswer *a = reply->answers[i];

		cr_assert_eq(a->number, i);
		if (i % 3 == 1) {
			cr_assert(a->refusal != NULL && a->refusal->code == RC_BAD_TOKEN);
			cr_assert(a->refusal->rule[0] != '\0' && a->jti.len == 0);
			continue;
		}
		token_make_id(i, id);
		cr_assert_null(a->refusal);
		cr_assert(a->jti.len == 16 && memcmp(a->jti.data, id, 16) == 0);
	}
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, a_bad_signature_is_told_and_the_id_with_it)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;
	char *token;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	token = hall_token_n(&h, 1);
	token[strlen(token) - 10] = (char)(token[strlen(token) - 10] == 'A' ? 'B' : 'A');
	reply = append_one(&h, token);
	cr_assert_eq(reply->answers[0]->refusal->code, RC_BAD_SIGNATURE);
	cr_assert_eq(reply->answers[0]->jti.len, 16);
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, an_old_token_with_a_bad_signature_is_not_called_expired)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;
	struct token_make t = {.iat = 1700000000};
	char *token;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	token_make_id(3, t.jti);
	reply = append_one(&h, hall_token(&h, &t));
	cr_assert_eq(reply->answers[0]->refusal->code, RC_EXPIRED);
	drop(reply);
	token = hall_token(&h, &t);
	token[strlen(token) - 10] = (char)(token[strlen(token) - 10] == 'A' ? 'B' : 'A');
	reply = append_one(&h, token);
	cr_assert_eq(reply->answers[0]->refusal->code, RC_BAD_SIGNATURE);
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, a_key_enrolled_a_moment_before_is_found)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;

	hall_init(&h);
	hall_start(&h);
	reply = append_one(&h, hall_token_n(&h, 1));
	cr_assert_eq(reply->answers[0]->refusal->code, RC_UNKNOWN_KEY);
	drop(reply);
	for (uint64_t i = 2; i < 6; i++) {
		hall_enrol(&h); /* replaces the file each time */
		reply = append_one(&h, hall_token_n(&h, i));
		cr_assert_null(reply->answers[0]->refusal);
		drop(reply);
	}
	hall_end(&h);
}

Test(serve_submit, missing_predecessors_are_named)
{
	struct hall h;
	Ectledger__V1__AppendReply *reply;
	struct token_make t = {0};
	uint8_t pred[2][16];

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	token_make_id(1, t.jti);
	token_make_id(8, pred[0]);
	token_make_id(9, pred[1]);
	t.pred = (const uint8_t(*)[16])pred;
	t.pred_count = 2;
	reply = append_one(&h, hall_token(&h, &t));
	cr_assert_eq(reply->answers[0]->refusal->code, RC_UNKNOWN_PARENT);
	cr_assert_eq(reply->answers[0]->refusal->n_missing, 2);
	cr_assert(memcmp(reply->answers[0]->refusal->missing[1].data, pred[1], 16) == 0);
	drop(reply);
	hall_end(&h);
}

Test(serve_submit, tokens_enter_in_the_order_of_their_requests)
{
	struct hall h;
	struct why why = {0};
	uint8_t pred[1][16];

	/* Each is the child of the one before; none waits for an answer. */
	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	for (uint64_t i = 0; i < 16; i++) {
		struct token_make t = {.pred = (const uint8_t(*)[16])pred, .pred_count = i > 0};
		struct call_request r;
		struct bytes message;
		char *token;

		token_make_id(i, t.jti);
		token = hall_token(&h, &t);
		message = append_request(&token, 1, true);
		r = ask(APPEND, message);
		cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
		free((void *)(uintptr_t)message.p);
		memcpy(pred[0], t.jti, 16);
	}
	for (int i = 0; i < 16; i++) {
		struct call_answer a = hall_wait(&h);
		Ectledger__V1__AppendReply *reply =
		    ectledger__v1__append_reply__unpack(NULL, a.message.n, a.message.p);

		cr_assert(reply != NULL && reply->answers[0]->refusal == NULL);
		cr_assert_null(reply->answers[0]->receipt, "not wanted");
		drop(reply);
		serve_release(h.serve, a.call);
	}
	hall_end(&h);
}

Test(serve_submit, a_streams_numbers_go_on_from_request_to_request)
{
	struct hall h;
	struct why why = {0};
	uint64_t tokens = 0;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	for (uint64_t i = 0; i < 3; i++) {
		char *list[2] = {hall_token_n(&h, 2 * i), hall_token_n(&h, 2 * i + 1)};
		struct bytes message = append_request(list, 2, true);
		struct call_request r = ask(STREAM, message);
		Ectledger__V1__AppendReply *reply;
		struct call_answer a;

		r.stream_tokens = &tokens;
		cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
		free((void *)(uintptr_t)message.p);
		cr_assert_eq(tokens, 2 * i + 2);
		a = hall_wait(&h);
		reply = ectledger__v1__append_reply__unpack(NULL, a.message.n, a.message.p);
		cr_assert_eq(reply->answers[0]->number, 2 * i);
		cr_assert_eq(reply->answers[1]->number, 2 * i + 1);
		drop(reply);
		serve_release(h.serve, a.call);
	}
	hall_end(&h);
}

Test(serve_submit, requests_without_tokens_or_with_too_many_are_refused_and_take_no_slot)
{
	struct hall h;
	struct why why = {0};
	struct call_request r = ask(APPEND, BYTES_NONE);
	char *tokens[65];
	uint64_t count = 0;

	hall_init(&h);
	hall_start(&h);
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_BAD_REQUEST);
	for (int i = 0; i < 65; i++)
		tokens[i] = strdup("x");
	r.message = append_request(tokens, 65, false);
	r.stream_tokens = &count;
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_TOO_LARGE);
	cr_assert_eq(count, 0, "a refused request does not move the stream on");
	cr_assert_eq(serve_slots_free(h.serve), 16);
	free((void *)(uintptr_t)r.message.p);
	hall_end(&h);
}

static enum rc
try(struct hall *h, const char *method, uint64_t client, char *token, uint64_t *retry)
{
	struct call_request r = ask(method, append_request(&token, 1, true));
	struct why why = {0};
	uint64_t count = 0;
	enum rc rc;

	r.client = client;
	r.retry_after_ms = retry;
	r.stream_tokens = &count;
	rc = serve_begin(h->serve, &r, &why);
	free((void *)(uintptr_t)r.message.p);
	return rc;
}

/* What an answer says of its one token: its refusal, or RC_OK. */
static enum rc
answer_of(struct hall *h, const struct call_answer *given, uint64_t *retry)
{
	struct call_answer a = *given;
	Ectledger__V1__AppendReply *reply =
	    ectledger__v1__append_reply__unpack(NULL, a.message.n, a.message.p);
	enum rc rc = RC_OK;

	cr_assert(a.rc == RC_OK && reply != NULL && reply->n_answers == 1);
	*retry = 0;
	if (reply->answers[0]->refusal != NULL) {
		rc = (enum rc)reply->answers[0]->refusal->code;
		*retry = reply->answers[0]->refusal->retry_after_ms;
	}
	drop(reply);
	serve_release(h->serve, a.call);
	return rc;
}

static enum rc
answer(struct hall *h, uint64_t *retry)
{
	struct call_answer a = hall_wait(h);

	return answer_of(h, &a, retry);
}

static enum rc
one(struct hall *h, uint64_t client, char *token)
{
	uint64_t retry = 0;
	enum rc rc = try(h, APPEND, client, token, &retry);

	return rc == RC_OK ? answer(h, &retry) : rc;
}

Test(serve_submit, a_log_over_its_quota_refuses_the_call_and_says_when_to_come_again)
{
	struct hall h;
	uint64_t retry = 0;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.tokens_per_s_max = 2;
	hall_start(&h);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 1)), RC_OK);
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 2)), RC_OK);
	cr_assert_eq(try(&h, APPEND, 3, hall_token_n(&h, 3), &retry), RC_OVER_QUOTA);
	cr_assert(retry >= 500 && retry <= 502, "%llu", (unsigned long long)retry);
	h.clock.mono_us += 100000;
	cr_assert_eq(try(&h, APPEND, 3, hall_token_n(&h, 3), &retry), RC_OVER_QUOTA);
	h.clock.mono_us += (int64_t)retry * 1000;
	cr_assert_eq(one(&h, 3, hall_token_n(&h, 3)), RC_OK, "as it was told");
	cr_assert_eq(serve_slots_free(h.serve), 16);
	hall_end(&h);
}

Test(serve_submit, a_clients_quota_is_its_own_and_does_not_use_up_the_logs)
{
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.client_tokens_per_s_max = 2;
	h.world.rules.tokens_per_s_max = 5;
	hall_start(&h);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 1)), RC_OK);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 2)), RC_OK);
	for (int i = 0; i < 9; i++)
		cr_assert_eq(one(&h, 1, hall_token_n(&h, 3)), RC_OVER_QUOTA);
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 3)), RC_OK);
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 4)), RC_OK);
	cr_assert_eq(one(&h, 3, hall_token_n(&h, 5)), RC_OK);
	cr_assert_eq(one(&h, 4, hall_token_n(&h, 6)), RC_OVER_QUOTA, "now the log's");
	hall_end(&h);
}

Test(serve_submit, an_identity_is_one_client_on_all_its_connections)
{
	char pattern[] = "spiffe://example.com/*";
	struct policy_grant grant = {pattern, POLICY_WRITE};
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.client_tokens_per_s_max = 2;
	h.world.rules.grants = &grant;
	h.world.rules.grant_count = 1;
	hall_start(&h);
	for (uint64_t i = 0; i < 6; i++) {
		char *token = hall_token_n(&h, i + 1);
		struct call_request r = ask(APPEND, append_request(&token, 1, true));
		struct why why = {0};
		enum rc rc;

		r.insecure = false;
		r.identity = bytes_str(
		    i == 3 ? "spiffe://example.com/agent/b" : "spiffe://example.com/agent/a");
		r.client = i;
		rc = serve_begin(h.serve, &r, &why);
		free((void *)(uintptr_t)r.message.p);
		cr_assert_eq(rc, i < 2 || i == 3 ? RC_OK : RC_OVER_QUOTA, "%d", (int)i);
		if (rc == RC_OK)
			serve_release(h.serve, hall_wait(&h).call);
	}
	h.world.rules.grants = NULL;
	h.world.rules.grant_count = 0;
	hall_end(&h);
}

Test(serve_submit, over_quota_on_a_stream_refuses_the_tokens_and_not_the_stream)
{
	struct hall h;
	uint64_t retry = 0;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.client_tokens_per_s_max = 1;
	hall_start(&h);
	cr_assert_eq(try(&h, STREAM, 1, hall_token_n(&h, 1), NULL), RC_OK);
	cr_assert_eq(answer(&h, &retry), RC_OK);
	cr_assert_eq(try(&h, STREAM, 1, hall_token_n(&h, 2), NULL), RC_OK);
	cr_assert_eq(answer(&h, &retry), RC_OVER_QUOTA);
	cr_assert(retry >= 1000 && retry <= 1002);
	h.clock.mono_us += (int64_t)retry * 1000;
	cr_assert_eq(try(&h, STREAM, 1, hall_token_n(&h, 2), NULL), RC_OK);
	cr_assert_eq(answer(&h, &retry), RC_OK);
	hall_end(&h);
}

Test(serve_submit, a_bad_signature_costs_the_client_many_checks_and_the_log_one)
{
	struct hall h;
	char *token;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.client_verifies_per_s_max = 12;
	h.world.rules.verifies_per_s_max = 4;
	h.world.rules.failed_weight = 10;
	hall_start(&h);
	token = hall_token_n(&h, 1);
	token[strlen(token) - 10] = (char)(token[strlen(token) - 10] == 'A' ? 'B' : 'A');
	cr_assert_eq(one(&h, 1, token), RC_BAD_SIGNATURE);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 2)), RC_OK);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 3)), RC_OK);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 4)), RC_OVER_QUOTA, "12 less 10 are two");
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 4)), RC_OK, "and four less three is one");
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 5)), RC_OVER_QUOTA);
	hall_end(&h);
}

Test(serve_submit, an_unsigned_token_is_taken_where_the_log_allows_it)
{
	struct hall h;
	struct token_make t = {0};

	hall_init(&h);
	hall_start(&h);
	token_make_id(1, t.jti);
	cr_assert_eq(one(&h, 1, hall_plain(&t)), RC_LEVEL_TOO_LOW);
	hall_end(&h);
	hall_init(&h);
	h.world.rules.level_min = LEVEL_1;
	hall_start(&h);
	cr_assert_eq(one(&h, 1, hall_plain(&t)), RC_OK);
	hall_end(&h);
}

Test(serve_submit, an_unsigned_token_comes_from_its_issuers_own_connection)
{
	char pattern[] = "spiffe://example.com/*";
	struct policy_grant grant = {pattern, POLICY_WRITE};
	struct hall h;

	hall_init(&h);
	h.world.rules.level_min = LEVEL_1;
	h.world.rules.grants = &grant;
	h.world.rules.grant_count = 1;
	hall_start(&h);
	for (int i = 0; i < 2; i++) {
		struct token_make t = {0};
		struct call_request r = ask(APPEND, BYTES_NONE);
		struct why why = {0};
		uint64_t retry;
		char *token;

		token_make_id((uint64_t)i + 1, t.jti);
		token = hall_plain(&t);
		r.message = append_request(&token, 1, true);
		r.insecure = false;
		r.identity = bytes_str(
		    i == 0 ? "spiffe://example.com/agent/b" : "spiffe://example.com/agent/a");
		cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
		free((void *)(uintptr_t)r.message.p);
		cr_assert_eq(answer(&h, &retry), i == 0 ? RC_NOT_AUTHORIZED : RC_OK);
	}
	h.world.rules.grants = NULL;
	h.world.rules.grant_count = 0;
	hall_end(&h);
}

Test(serve_submit, what_stands_beside_the_tokens_is_bounded_and_makes_sense)
{
	static const struct {
		struct append_more more;
		enum rc rc;
	} cases[] = {
	    {{TRUST_WITS_MAX, TRUST_WIT_SIZE_MAX, false, 0}, RC_OK},
	    {{TRUST_WITS_MAX + 1, 10, false, 0}, RC_TOO_LARGE},
	    {{1, TRUST_WIT_SIZE_MAX + 1, false, 0}, RC_TOO_LARGE},
	    {{1, 0, false, 0}, RC_TOO_LARGE},
	    {{0, 0, true, 5}, RC_OK},
	    {{0, 0, true, 0}, RC_OK},
	    {{0, 0, false, 5}, RC_BAD_REQUEST},
	};
	struct hall h;
	uint64_t retry;

	hall_init(&h);
	hall_enrol(&h);
	hall_start(&h);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *token = hall_token_n(&h, i);
		struct bytes message = append_request_more(&token, 1, true, &cases[i].more);
		struct call_request r = ask(APPEND, message);
		struct why why = {0};

		cr_assert_eq(serve_begin(h.serve, &r, &why), cases[i].rc, "case %zu", i);
		free((void *)(uintptr_t)message.p);
		if (cases[i].rc == RC_OK)
			cr_assert_eq(answer(&h, &retry), RC_OK);
	}
	cr_assert_eq(serve_slots_free(h.serve), 16);
	hall_end(&h);
}

/* A token whose parent never comes. */
static char *
orphan(struct hall *h, uint64_t n)
{
	struct token_make t = {0};
	uint8_t pred[1][16];

	token_make_id(n, t.jti);
	token_make_id(n + 1000000, pred[0]);
	t.pred = (const uint8_t(*)[16])pred;
	t.pred_count = 1;
	return hall_token(h, &t);
}

Test(serve_submit, a_token_waits_for_its_parent_and_is_answered_when_it_comes)
{
	struct hall h;
	uint64_t retry;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.wait_ms = 500;
	hall_start(&h);
	cr_assert_eq(try(&h, APPEND, 1, orphan(&h, 7), NULL), RC_OK);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 1000007)), RC_OK, "the parent is answered first");
	cr_assert_eq(answer(&h, &retry), RC_OK);
	hall_end(&h);
}

Test(serve_submit, a_quarter_of_the_slots_is_never_taken_by_tokens_that_wait)
{
	struct hall h;
	uint64_t retry;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.wait_ms = 500;
	hall_start(&h);
	for (uint64_t i = 0; i < 12; i++)
		cr_assert_eq(try(&h, APPEND, i, orphan(&h, i), NULL), RC_OK);
	cr_assert_eq(one(&h, 99, orphan(&h, 50)), RC_UNKNOWN_PARENT, "refused at once");
	cr_assert_eq(one(&h, 99, hall_token_n(&h, 51)), RC_OK, "others are not in the way");
	h.clock.mono_us += 600000;
	for (uint64_t i = 0; i < 12; i++)
		cr_assert_eq(answer(&h, &retry), RC_UNKNOWN_PARENT);
	cr_assert_eq(try(&h, APPEND, 1, orphan(&h, 60), NULL), RC_OK);
	cr_assert_eq(one(&h, 1, hall_token_n(&h, 1000060)), RC_OK);
	cr_assert_eq(answer(&h, &retry), RC_OK, "and there is room to wait again");
	hall_end(&h);
}

Test(serve_submit, tokens_wait_no_longer_than_the_log_allows)
{
	struct append_more more = {.wait = true, .wait_ms = 900};
	struct call_request r;
	struct why why = {0};
	struct hall h;
	uint64_t retry;
	char *token;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.wait_ms = 100;
	hall_start(&h);
	token = orphan(&h, 1);
	r = ask(APPEND, append_request_more(&token, 1, true, &more));
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	free((void *)(uintptr_t)r.message.p);
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 2)), RC_OK, "so the first waits by now");
	h.clock.mono_us += 150000;
	cr_assert_eq(answer(&h, &retry), RC_UNKNOWN_PARENT);
	hall_end(&h);
}

Test(serve_submit, each_client_has_its_own_share_of_the_waiting)
{
	struct hall h;
	uint64_t retry;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.wait_ms = 500;
	h.options.wait_client_tokens_max = 1;
	hall_start(&h);
	cr_assert_eq(try(&h, APPEND, 1, orphan(&h, 1), NULL), RC_OK);
	cr_assert_eq(one(&h, 1, orphan(&h, 2)), RC_UNKNOWN_PARENT, "its share is taken");
	cr_assert_eq(try(&h, APPEND, 2, orphan(&h, 3), NULL), RC_OK);
	cr_assert_eq(one(&h, 2, hall_token_n(&h, 1000003)), RC_OK, "another's waits");
	cr_assert_eq(answer(&h, &retry), RC_OK);
	h.clock.mono_us += 600000;
	cr_assert_eq(answer(&h, &retry), RC_UNKNOWN_PARENT);
	hall_end(&h);
}

Test(serve_submit, tokens_wait_no_longer_than_the_client_or_the_deadline_says)
{
	struct hall h;

	hall_init(&h);
	hall_enrol(&h);
	h.world.rules.wait_ms = 500;
	hall_start(&h);
	for (int i = 0; i < 2; i++) {
		struct append_more more = {.wait = i == 0, .wait_ms = 0};
		char *token = orphan(&h, (uint64_t)i);
		struct call_request r = ask(APPEND, append_request_more(&token, 1, true, &more));
		struct why why = {0};
		uint64_t retry;

		r.deadline_ms = i == 0 ? 0 : 100;
		cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
		free((void *)(uintptr_t)r.message.p);
		/* When the token begins to wait is the writer's to say, so time goes on. */
		struct call_answer a;
		while (serve_collect(h.serve, &a, 1) == 0) {
			h.clock.mono_us += i == 0 ? 0 : 101000;
			usleep(500);
		}
		enum rc rc = answer_of(&h, &a, &retry);
		cr_assert(rc == RC_UNKNOWN_PARENT || (i == 1 && rc == RC_DEADLINE), "%d", (int)rc);
	}
	hall_end(&h);
}
