/*
 * Options: one name in three places, one setter, bounds everywhere.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"

static struct config *
made(void)
{
	struct config *c = NULL;

	cr_assert_eq(config_new(&c, "/data"), RC_OK);
	return c;
}

static enum rc
text(struct config *c, const char *s, struct why *why)
{
	return config_read(c, bytes_str(s), why);
}

/* Read one file on defaults. */
static enum rc
reads(const char *s)
{
	struct config *c = made();
	struct why why = {0};
	enum rc rc = text(c, s, &why);

	config_free(c);
	return rc;
}

Test(main_config, the_file_that_init_writes_reads_back_as_the_defaults)
{
	struct config *c = made(), *d = made();
	struct why why = {0};
	struct buf b;

	buf_init(&b, 0);
	cr_assert_eq(config_write_default(&b, "example.com/log"), RC_OK);
	cr_assert_eq(config_read(c, buf_bytes(&b), &why), RC_OK);
	cr_assert_str_eq(c->logs[0].origin, "example.com/log");
	cr_assert_eq(c->calls_max, d->calls_max);
	cr_assert_str_eq(c->listen, d->listen);
	cr_assert_eq(c->log_count, 1);
	/* Uncommented, every line is acceptable too. */
	for (size_t i = 0; i + 1 < b.n; i++)
		if (b.p[i] == '\n' && b.p[i + 1] == '#' && i + 2 < b.n && b.p[i + 2] != ' ')
			b.p[i + 1] = ' ';
	cr_assert_eq(config_read(d, buf_bytes(&b), &why), RC_OK, "%s", why.text);
	cr_assert_eq(c->idle_ms, d->idle_ms);
	config_free(c);
	config_free(d);
	buf_release(&b);
}

Test(main_config, lines_added_at_the_end_of_the_file_mean_the_default_log)
{
	struct config *c = made();
	struct why why = {0};
	struct buf b;

	buf_init(&b, 0);
	config_write_default(&b, "example.com/log");
	buf_add_str(&b, "deferred = yes\nidle_ms = 7s\n");
	cr_assert_eq(config_read(c, buf_bytes(&b), &why), RC_OK);
	cr_assert(c->logs[0].rules.deferred);
	cr_assert_eq(c->idle_ms, 7000);
	config_free(c);
	buf_release(&b);
}

Test(main_config, flags_win_over_the_environment_which_wins_over_the_file)
{
	struct config *c = made();
	char *env[] = {"PATH=/bin", "ECTLEDGER_IDLE_MS=2s", "ECTLEDGER_FRAME_MS=3s",
	    "ECTLEDGER_SOMETHING_ELSE=1", NULL};
	char *argv[] = {"--frame-ms", "4s", "--insecure-loopback", "--audience=spiffe://x/y"};
	struct why why = {0};

	cr_assert_eq(text(c, "idle_ms = 1s\nframe_ms = 1s\nwrite_ms = 1s\n", &why), RC_OK);
	cr_assert_eq(config_read_env(c, env, &why), RC_OK);
	cr_assert_eq(config_read_flags(c, 4, argv, &why), RC_OK);
	cr_assert_eq(c->write_ms, 1000);
	cr_assert_eq(c->idle_ms, 2000);
	cr_assert_eq(c->frame_ms, 4000);
	cr_assert(c->insecure_loopback);
	cr_assert_str_eq(c->logs[0].rules.audience, "spiffe://x/y");
	config_free(c);
}

Test(main_config, a_refusal_names_the_line)
{
	struct config *c = made();
	struct why why = {0};

	cr_assert_eq(text(c, "# one\n\nlisten 127.0.0.1:1\n", &why), RC_BAD_CONFIG);
	cr_assert_eq(why.at, 3);
	config_free(c);
}

Test(main_config, refuses_what_it_does_not_know)
{
	cr_assert_eq(reads("colour = red\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("[logs x]\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("[log ../x]\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("[log x\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("deferred = maybe\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("level_min = L4\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("level_min = L22\n"), RC_BAD_CONFIG);
}

Test(main_config, numbers_have_bounds_and_units)
{
	cr_assert_eq(reads("calls_max = 1\n"), RC_OK);
	cr_assert_eq(reads("calls_max = 0\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("calls_max = 65536\n"), RC_OK);
	cr_assert_eq(reads("calls_max = 65537\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("calls_max = -1\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("calls_max = \n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("calls_max = 5s\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("frame_max = 2 MiB\n"), RC_OK);
	cr_assert_eq(reads("frame_max = 2 parsecs\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("map_size = 18446744073709551615 GiB\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("idle_ms = 99999999999999999999\n"), RC_BAD_CONFIG);
}

Test(main_config, bindings_are_a_list_of_known_names_and_never_none)
{
	struct config *c = made();
	struct why why = {0};

	cr_assert_eq(c->logs[0].rules.bindings, POLICY_BINDINGS_ALL);
	cr_assert_eq(text(c, "bindings = wit, jwks\n", &why), RC_OK);
	cr_assert_eq(c->logs[0].rules.bindings, 1u << TRUST_WIT | 1u << TRUST_JWKS);
	cr_assert_eq(text(c, "bindings = x509|none\n", &why), RC_BAD_CONFIG);
	cr_assert_eq(text(c, "bindings = \n", &why), RC_BAD_CONFIG);
	cr_assert_eq(text(c, "bindings = JWKS\n", &why), RC_BAD_CONFIG);
	cr_assert_eq(text(c, "bindings = x50\n", &why), RC_BAD_CONFIG);
	cr_assert_eq(c->logs[0].rules.bindings, 1u << TRUST_WIT | 1u << TRUST_JWKS,
	    "what is refused changes nothing");
	config_free(c);
}

Test(main_config, quotas_and_waiting_are_a_logs_own)
{
	struct config *c = made();
	struct why why = {0};

	cr_assert_eq(text(c,
			 "[log b]\nbytes_per_s_max = 2MiB\nclient_verifies_per_s_max = 7\n"
			 "failed_weight = 1\nequivocations_max = 0\nwait_ms = 250ms\n[server]\n"
			 "wait_tokens_max = 5\nwait_bytes_max = 1MiB\nquota_clients_max = 9\n",
			 &why),
	    RC_OK, "%s", why.text);
	cr_assert_eq(c->logs[0].rules.wait_ms, 3000);
	cr_assert_eq(c->logs[0].rules.equivocations_max, 100);
	cr_assert_eq(c->logs[1].rules.bytes_per_s_max, 2 << 20);
	cr_assert_eq(c->logs[1].rules.client_verifies_per_s_max, 7);
	cr_assert_eq(c->logs[1].rules.failed_weight, 1);
	cr_assert_eq(c->logs[1].rules.equivocations_max, 0);
	cr_assert_eq(c->logs[1].rules.wait_ms, 250);
	cr_assert_eq(c->wait_tokens_max, 5);
	cr_assert_eq(c->wait_bytes_max, 1 << 20);
	cr_assert_eq(c->quota_clients_max, 9);
	cr_assert_eq(text(c, "failed_weight = 0\n", &why), RC_BAD_CONFIG);
	config_free(c);
}

Test(main_config, a_servers_key_in_a_logs_section_is_refused)
{
	cr_assert_eq(reads("[log second]\norigin = a/b\n"), RC_OK);
	cr_assert_eq(reads("[log second]\nlisten = 127.0.0.1:1\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("[log second]\n[server]\nlisten = 127.0.0.1:1\n"), RC_OK);
}

Test(main_config, each_log_has_its_own_rules_and_folder)
{
	struct config *c = made();
	struct why why = {0};

	cr_assert_eq(
	    text(c,
		"origin = a/1\ndeferred = yes\n[log b]\norigin = a/2\nkey = b.pem\n"
		"tokens_per_s_max = 9\n[log default]\nforwarded = no\ninsecure_loopback = yes\n",
		&why),
	    RC_OK);
	cr_assert_eq(config_finish(c, &why), RC_OK, "%s", why.text);
	cr_assert_eq(c->log_count, 2);
	cr_assert_str_eq(c->logs[1].folder, "/data/logs/b");
	cr_assert_str_eq(c->logs[1].key, "/data/b.pem");
	cr_assert_str_eq(c->logs[0].key, "/data/logs/default/key.pem");
	cr_assert(c->logs[0].rules.deferred && !c->logs[0].rules.forwarded);
	cr_assert(!c->logs[1].rules.deferred && c->logs[1].rules.forwarded);
	cr_assert_eq(c->logs[1].rules.tokens_per_s_max, 9);
	cr_assert_eq(c->logs[1].rules.age_max_s, CLAIM_AGE_MAX_S);
	cr_assert_gt(c->logs[0].rules.age_max_s, 86400 * 365);
	config_free(c);
}

Test(main_config, two_logs_of_one_origin_are_refused)
{
	struct config *c = made();
	struct why why = {0};

	text(c, "insecure_loopback = yes\norigin = a/1\n[log b]\norigin = a/1\n", &why);
	cr_assert_eq(config_finish(c, &why), RC_BAD_CONFIG);
	config_free(c);
}

Test(main_config, the_whole_must_make_sense)
{
	static const char *const bad[] = {
	    "origin = a/1\n",		 /* no TLS, not insecure */
	    "insecure_loopback = yes\n", /* no origin */
	    "insecure_loopback = yes\norigin = a b\n",
	    "insecure_loopback = yes\norigin = a/1\nhttp = 127.0.0.1:0\n",
	    "insecure_loopback = yes\norigin = a/1\nage_max_s = 901\n", /* not deferred */
	    "insecure_loopback = yes\norigin = a/1\nlog_level = loud\n",
	    "insecure_loopback = yes\norigin = a/1\nlisten =\n",
	    "insecure_loopback = yes\norigin = a/1\nframe_max = 2MiB\nrequests_bytes_max = 1MiB\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct config *c = made();
		struct why why = {0};

		cr_assert_eq(text(c, bad[i], &why), RC_OK, "case %zu", i);
		cr_assert_eq(config_finish(c, &why), RC_BAD_CONFIG, "case %zu", i);
		config_free(c);
	}
}

Test(main_config, grants_add_up_and_their_patterns_are_checked)
{
	struct config *c = made();
	struct why why = {0};
	char *env[] = {"ECTLEDGER_WRITE=spiffe://a/c", NULL};
	const struct policy_rules *r = &c->logs[0].rules;
	struct bytes id = bytes_str("spiffe://a/agent/7");

	text(c, "write = spiffe://a/agent/*, spiffe://a/b\nread = spiffe://a/* | spiffe://z/q\n",
	    &why);
	cr_assert_eq(config_read_env(c, env, &why), RC_OK);
	cr_assert_eq(r->grant_count, 5);
	cr_assert(policy_allows(r, id, false, POLICY_WRITE));
	cr_assert(policy_allows(r, id, false, POLICY_READ));
	cr_assert_not(policy_allows(r, id, false, POLICY_ADMIN));
	cr_assert(policy_allows(r, bytes_str("spiffe://a/c"), false, POLICY_WRITE));
	cr_assert_not(policy_allows(r, bytes_str("spiffe://b/c"), false, POLICY_WRITE));
	cr_assert_eq(reads("write = spiffe://a*\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("write = */b\n"), RC_BAD_CONFIG);
	cr_assert_eq(reads("write = *\n"), RC_BAD_CONFIG);
	config_free(c);
}

Test(main_config, every_option_is_a_flag_and_a_variable)
{
	static const char *const value[] = {[OPTION_TEXT] = "a",
	    [OPTION_PATH] = "/a",
	    [OPTION_SWITCH] = "yes",
	    [OPTION_COUNT] = "1",
	    [OPTION_BYTES] = "1GiB",
	    [OPTION_MS] = "1s",
	    [OPTION_SECONDS] = "1",
	    [OPTION_LEVEL] = "L2",
	    [OPTION_BINDINGS] = "x509",
	    [OPTION_GRANT] = "spiffe://a/b"};

	for (size_t i = 0; i < option_count; i++) {
		struct config *c = made();
		struct why why = {0};
		char flag[128], variable[128], *argv[] = {flag}, *env[] = {variable, NULL};

		(void)snprintf(flag, sizeof flag, "--%s=%s", option_table[i].name,
		    value[option_table[i].kind]);
		(void)snprintf(variable, sizeof variable, "ECTLEDGER_%s=%s", option_table[i].name,
		    value[option_table[i].kind]);
		for (size_t j = 10; variable[j] != '='; j++)
			variable[j] = (char)toupper((unsigned char)variable[j]);
		for (char *p = flag + 2; *p != '='; p++)
			*p = (char)(*p == '_' ? '-' : *p);
		/* Bounds may refuse the value, but the name is known. */
		if (config_read_flags(c, 1, argv, &why) != RC_OK)
			cr_assert_neq(why.claim, NULL, "%s: %s", flag, why.text);
		(void)config_read_env(c, env, &why);
		if (option_table[i].kind == OPTION_COUNT && !option_table[i].per_log &&
		    option_table[i].min <= 1)
			cr_assert_eq(
			    *(uint64_t *)option_at(&option_table[i], c, NULL), 1, "%s", flag);
		config_free(c);
	}
}

Test(main_config, flags_that_are_unknown_or_lack_a_value_are_refused)
{
	struct config *c = made();
	struct why why = {0};
	char *unknown[] = {"--colour", "red"}, *bare[] = {"--listen"}, *word[] = {"listen"};

	cr_assert_eq(config_read_flags(c, 2, unknown, &why), RC_BAD_CONFIG);
	cr_assert_eq(config_read_flags(c, 1, bare, &why), RC_BAD_CONFIG);
	cr_assert_eq(config_read_flags(c, 1, word, &why), RC_BAD_CONFIG);
	config_free(c);
}

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *p = calloc(1, 1 << 20);

	cr_assert(f != NULL && p != NULL, "%s", path);
	cr_assert(fread(p, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return p;
}

Test(main_config, every_option_is_on_the_page_with_its_default)
{
	char *page = slurp(TEST_DATA "/../docs/CONFIG.md");

	for (size_t i = 0; i < option_count; i++) {
		char row[128];

		if (option_table[i].fallback != NULL)
			(void)snprintf(row, sizeof row, "| `%s` | `%s` | %s |",
			    option_table[i].name, option_table[i].fallback,
			    option_table[i].live ? "yes" : "");
		else
			(void)snprintf(row, sizeof row, "| `%s` |", option_table[i].name);
		cr_assert(strstr(page, row) != NULL, "%s", row);
	}
	free(page);
}

Test(main_config, the_wire_page_ends_in_the_schema_as_it_is)
{
	char *page = slurp(TEST_DATA "/../docs/WIRE.md");
	char *schema = slurp(TEST_DATA "/../proto/ledger.proto");

	cr_assert(
	    strstr(page, schema) != NULL, "copy proto/ledger.proto to the end of docs/WIRE.md");
	free(page);
	free(schema);
}

static void
ignored(const char *before, const char *after, const char *want)
{
	struct config *a = made(), *b = made();
	struct why why = {0};
	struct buf names;

	buf_init(&names, 0);
	cr_assert_eq(text(a, before, &why), RC_OK);
	cr_assert_eq(text(b, after, &why), RC_OK);
	config_ignored(a, b, &names);
	buf_add(&names, "", 1);
	cr_expect_str_eq((char *)names.p, want);
	buf_release(&names);
	config_free(a);
	config_free(b);
}

Test(main_config, what_a_reload_cannot_take_over_is_named)
{
	ignored("", "", "");
	ignored("idle_ms = 1s\n", "idle_ms = 2s\n", ""); /* live */
	ignored("", "calls_max = 7\nlog_json = yes\n", "log_json calls_max");
	ignored(
	    "audience = a\n", "audience = b\nwait_ms = 9s\n", "default:audience default:wait_ms");
	ignored("[log x]\nlevel_min = L1\n", "[log x]\nbindings = wit\n", "x:level_min x:bindings");
	ignored("read = spiffe://a/b\n", "write = spiffe://a/b\n", "default:grants");
	ignored("[log x]\n", "[log y]\n", "x:removed y:added");
	ignored("age_max_s = 5s\nkey = a\n", "age_max_s = 6s\nkey = b\n",
	    "default:key default:age_max_s");
}
