/*
 * Entries and keys as JSON and as lines for people.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "tools/ectl/entry_row.c"
#include "tools/ectl/output.c"
#include "tools/ectl/show.c"

/* show.c reads the command line with these; no test here does. */
const char *
args_get(const struct args *a, const char *name)
{
	(void)a;
	(void)name;
	return NULL;
}
bool
args_uuid(const char *text, uint8_t out[16], const char *what)
{
	(void)text;
	(void)out;
	(void)what;
	return false;
}

static uint8_t id[32] = {1}, jti[16] = {2};
static char *issuers[] = {"spiffe://example.com/a", "spiffe://example.com/b"};

static Ectledger__V1__KeyRecord
stolen_key(void)
{
	Ectledger__V1__KeyRecord k = ECTLEDGER__V1__KEY_RECORD__INIT;
	static char jwk[] = "{\"kty\":\"EC\"}";

	k.subject = "key";
	k.id = (ProtobufCBinaryData){32, id};
	k.domain = "example.com";
	k.kid = "a-1";
	k.issuers = issuers;
	k.n_issuers = 2;
	k.state = "revoked";
	k.ever_enrolled = true;
	k.enrolled_index = 0;
	k.enrolled_at_ms = 1795341600000;
	k.revoked = true;
	k.revoked_index = 9;
	k.revoked_at_ms = 1795345200000;
	k.revoked_since = 1795341660;
	k.reason = "laptop stolen";
	k.material = (ProtobufCBinaryData){sizeof jwk - 1, (uint8_t *)jwk};
	return k;
}

static const char *
text(json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value != NULL ? value : "(null)";
}

Test(tools_entry_row, a_key_tells_its_history)
{
	Ectledger__V1__KeyRecord k = stolen_key();
	json_t *row = key_row(&k);
	char story[512];

	cr_expect_str_eq(text(row, "state"), "revoked");
	cr_expect_eq(json_integer_value(json_object_get(row, "enrolled_index")), 0);
	cr_expect(json_is_integer(json_object_get(row, "enrolled_index")), "0 is an index");
	cr_expect_str_eq(text(row, "revoked_at"), "2026-11-22T11:00:00.000Z");
	cr_expect_eq(json_integer_value(json_object_get(row, "revoked_since")), 1795341660);
	cr_expect(json_is_null(json_object_get(row, "withdrawn_index")));
	cr_expect(json_is_null(json_object_get(row, "sequence")));
	cr_expect_eq(json_array_size(json_object_get(row, "ect_iss")), 2u);
	cr_expect(json_is_object(json_object_get(row, "material")));
	key_story(row, story, sizeof story);
	cr_expect_str_eq(story, "revoked, enrolled 2026-11-22T10:00:00Z (entry 0), revoked "
				"2026-11-22T11:00:00Z (entry 9), "
				"not good since 2026-11-22T10:01:00Z: laptop stolen");
	json_decref(row);
}

Test(tools_entry_row, a_token_entry_has_every_member_and_says_null_for_what_is_absent)
{
	static const char *const members[] = {"index", "entry_kind", "jti", "wid", "iss", "act",
	    "kind", "level", "iat", "exp", "received_at", "received_at_ms", "aud", "pred",
	    "pred_index", "inp_hash", "out_hash", "ext", "key_thumbprint", "leaf_hash", "media",
	    "flags", "chain_level", "binding", "key", "event", "suspect", "tree_size", "credential",
	    "token"};
	Ectledger__V1__EntryView e = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	Ectledger__V1__KeyRecord k = stolen_key();
	uint8_t cose[] = {0xd2, 0x84}, token[] = {'e', 'y'};
	json_t *row;

	e.jti = (ProtobufCBinaryData){16, jti};
	e.entry_kind = "token";
	e.chain_level = "L1";
	e.binding = "wit";
	e.key = &k;
	e.suspect = true;
	e.media = "jws";
	e.token = (ProtobufCBinaryData){2, token};
	row = entry_row(&e, 12, true);
	cr_assert_eq(json_object_size(row), sizeof members / sizeof *members);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		cr_expect(json_object_get(row, members[i]) != NULL, "%s", members[i]);
	cr_expect(json_is_null(json_object_get(row, "wid")));
	cr_expect(json_is_null(json_object_get(row, "event")));
	cr_expect(json_is_true(json_object_get(row, "suspect")));
	cr_expect_str_eq(text(row, "chain_level"), "L1");
	cr_expect_str_eq(text(json_object_get(row, "key"), "kid"), "a-1");
	cr_expect_str_eq(text(row, "token"), "ey");
	json_decref(row);

	e.media = "cose";
	e.token = (ProtobufCBinaryData){2, cose};
	row = entry_row(&e, 12, true);
	cr_expect_str_eq(text(row, "token"), "0oQ=");
	json_decref(row);

	row = entry_row(&e, 12, false);
	cr_expect_null(json_object_get(row, "token"));
	cr_expect_null(json_object_get(row, "credential"));
	json_decref(row);
}

Test(tools_entry_row, a_key_entry_shows_its_event)
{
	Ectledger__V1__EntryView e = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	char event[] = "{\"action\":\"revoke\",\"subject\":\"key\",\"domain\":\"example.com\"}";
	char cells[ENTRY_COLUMNS][320];
	json_t *row;

	e.index = 9;
	e.entry_kind = "key";
	e.event = (ProtobufCBinaryData){sizeof event - 1, (uint8_t *)event};
	row = entry_row(&e, 12, true);
	cr_expect_str_eq(text(json_object_get(row, "event"), "action"), "revoke");
	cr_expect(json_is_null(json_object_get(row, "jti")));
	cr_expect(json_is_null(json_object_get(row, "iat")));
	cr_expect(json_is_null(json_object_get(row, "token")));
	entry_cells(row, cells);
	cr_expect_str_eq(cells[0], "9");
	cr_expect_str_eq(cells[2], "key revoke");
	cr_expect_str_eq(cells[3], "example.com");
	cr_expect_str_eq(cells[4], "-");
	json_decref(row);
}

Test(tools_entry_row, people_see_what_is_there_and_programs_words_do_no_harm)
{
	Ectledger__V1__EntryView e = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	Ectledger__V1__KeyRecord k = stolen_key();
	json_t *row;

	e.index = 3;
	e.entry_kind = "equivocation";
	e.act = "dr\x1b[2Jaft";
	e.key = &k;
	row = entry_row(&e, 12, false);
	cr_redirect_stdout();
	cr_expect_eq(entry_row_table(row), 0);
	(void)fflush(stdout);
	{
		FILE *out = cr_get_redirected_stdout();
		char all[4096];
		size_t n = fread(all, 1, sizeof all - 1, out);

		all[n] = '\0';
		cr_expect(strstr(all, "dr?[2Jaft") != NULL);
		cr_expect(strstr(all, "revoked, enrolled") != NULL);
		cr_expect(strstr(all, "inp_hash") == NULL, "absent members are left out");
		cr_expect(strchr(all, 0x1b) == NULL);
	}
	json_decref(row);
}

Test(tools_entry_row, a_suspect_is_marked_where_nothing_is_cut)
{
	Ectledger__V1__EntryView e = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	char cells[ENTRY_COLUMNS][320];
	json_t *row;

	e.entry_kind = "equivocation";
	e.act = "write_draft";
	e.suspect = true;
	row = entry_row(&e, 1, false);
	cr_assert_not_null(row);
	entry_cells(row, cells);
	cr_expect_str_eq(cells[2], "suspect: equivocation: write_draft");
	json_decref(row);
}

Test(tools_entry_row, a_narrow_table_gives_up_names_of_agents_before_words_and_words_before_ids)
{
	static const enum column kind[] = {
	    COLUMN_TEXT, COLUMN_TIME, COLUMN_TEXT, COLUMN_URI, COLUMN_ID};
	static const struct {
		size_t most, width[5];
	} want[] = {
	    {200, {5, 20, 19, 33, 36}},
	    {100, {5, 16, 19, 16, 36}},
	    {80, {5, 10, 10, 11, 36}},
	    {60, {5, 10, 8, 8, 21}},
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		size_t width[] = {5, 20, 19, 33, 36};

		fit(width, kind, 5, want[i].most);
		for (size_t k = 0; k < 5; k++)
			cr_expect_eq(width[k], want[i].width[k], "%zu: column %zu has %zu",
			    want[i].most, k, width[k]);
	}
}
