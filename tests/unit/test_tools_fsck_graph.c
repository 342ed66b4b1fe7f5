/*
 * test_tools_fsck_graph.c - what a writer must not have done: entries with everything signed, and
 * wrong.
 */
#include "unit/test_tools_fsck_help.h"

TestSuite(tools_fsck_graph, .init = set_up, .fini = tear_down);

/* The right entry for one more task of agent a without a workflow, after entry 299. */
static void
next_entry(struct world_job *j, struct entry *e)
{
	static const uint64_t parent = PLAIN - 1;
	struct token_make t = {.iss = AGENT_A, .pred_count = 1};
	uint8_t pred[1][16], sig[96];
	char *dot;

	token_make_id(777777, t.jti);
	token_make_id(parent, pred[0]);
	t.pred = (const uint8_t(*)[16])pred;
	memset(j, 0, sizeof(*j));
	j->text = token_make(&t);
	dot = strrchr(j->text, '.');
	pair_sign(&agent, bytes_of(j->text, (size_t)(dot - j->text)), sig);
	b64url_encode(bytes_of(sig, 64), dot + 1);
	memset(e, 0, sizeof(*e));
	e->kind = ENTRY_TOKEN;
	e->received_at_ms = 1800000001000;
	e->media = TOKEN_JWS;
	e->level = LEVEL_2;
	e->has_signer = true;
	e->signer = agent_thumbprint;
	e->binding = 1;
	e->anchor = 0;
	e->workflow = e->issuer = (struct entry_link){PLAIN - 1, PLAIN - 1};
	e->parents = &parent;
	e->parent_count = 1;
	e->token = bytes_str(j->text);
}

Test(tools_fsck_graph, a_forged_entry_that_is_right_is_right)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	forge(&e);
	free(j.text);
	expect_sound();
}

Test(tools_fsck_graph, a_chain_link_that_the_tokens_do_not_give_is_found)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	e.workflow.ordinal--;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("chain", COUNT, ""));
}

Test(tools_fsck_graph, a_chain_link_that_skips_an_entry_is_found)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	e.issuer.previous = PLAIN - 2;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("chain", COUNT, ""));
}

Test(tools_fsck_graph, a_foreign_link_that_no_parent_gives_is_found)
{
	struct entry_foreign foreign = {.has_wid = true, .link = {0, ENTRY_NONE}};
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	token_make_id(1000001, foreign.wid);
	e.foreign = &foreign;
	e.foreign_count = 1;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("chain", COUNT, ""));
}

Test(tools_fsck_graph, a_parent_that_is_not_the_predecessor_is_found)
{
	static const uint64_t other = 17;
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	e.parents = &other;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("parent", COUNT, ""));
}

Test(tools_fsck_graph, a_parent_that_is_left_out_is_found)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	e.parent_count = 0;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("parent", COUNT, ""));
}

Test(tools_fsck_graph, a_receive_time_that_goes_back_is_found)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	e.received_at_ms = 1700000000000;
	forge(&e);
	free(j.text);
	json_decref(expect_problem("time", COUNT, ""));
}

Test(tools_fsck_graph, an_id_that_is_taken_is_found)
{
	struct world_job j;
	struct entry e;

	next_entry(&j, &e);
	forge(&e);
	e.workflow = e.issuer = (struct entry_link){PLAIN, COUNT};
	forge(&e);
	free(j.text);
	json_decref(expect_problem("token", COUNT + 1, ""));
}

Test(tools_fsck_graph, a_signature_that_does_not_verify_is_found_from_level_3_on)
{
	struct world_job j;
	struct entry e;
	json_t *answer;
	char *dot;
	int code;

	next_entry(&j, &e);
	dot = strrchr(j.text, '.');
	dot[5] = dot[5] == 'A' ? 'B' : 'A';
	forge(&e);
	free(j.text);
	json_decref(expect_problem("signature", COUNT, ""));
	answer = fsck(&code, "--level 2");
	cr_expect(code == 0, "%s", kinds(answer));
	json_decref(answer);
}
