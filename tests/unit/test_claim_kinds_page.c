/*
 * test_claim_kinds_page.c - docs/KINDS.md has the table of kinds.def, row by row.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "claim/kind.h"

static void
add_key(struct buf *b, const struct kind_key *key)
{
	buf_addf(b, "`%s`%s ", key->name, key->required ? " !" : "");
	if (key->values == NULL) {
		buf_add_str(b, kind_type_name(key->type));
		return;
	}
	for (const char *c = key->values; *c != '\0'; c++)
		buf_add(b, *c == '|' ? "/" : c, 1);
}

static void
line_of(const struct kind *kind, struct buf *b)
{
	const char *between = "";

	buf_addf(b, "| `%s` | ", kind->name);
	for (const char *const *act = kind->acts; *act != NULL; act++)
		buf_addf(b, "%s`%s`", act == kind->acts ? "" : " ", *act);
	if (kind->acts[0] == NULL)
		buf_add_str(b, "any other");
	if (kind->pred_max == 0)
		buf_addf(b, " | %u+ | ", kind->pred_min);
	else if (kind->pred_max == kind->pred_min)
		buf_addf(b, " | %u | ", kind->pred_min);
	else
		buf_addf(b, " | %u-%u | ", kind->pred_min, kind->pred_max);
	for (size_t i = 0; i < kind_count(); i++)
		if (kind->parents & kind_at(i)->bit) {
			buf_addf(b, "%s`%s`", between, kind_at(i)->name);
			between = " ";
		}
	buf_add_str(b, " | ");
	for (const struct kind_key *key = kind->keys; key->name != NULL; key++) {
		if (key != kind->keys)
			buf_add_str(b, ", ");
		add_key(b, key);
	}
	buf_add_str(b, " |\n");
}

Test(claim_kinds_page, every_row_stands_there_as_it_is_and_no_other)
{
	static char page[65536];
	FILE *f = fopen(TEST_DATA "/../docs/KINDS.md", "r");
	const char *at;
	size_t n, rows = 0;

	cr_assert_not_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	cr_assert(n > 0 && n < sizeof(page) - 1);
	(void)fclose(f);
	for (size_t i = 0; i < kind_count(); i++) {
		struct buf b;

		buf_init(&b, 8192);
		line_of(kind_at(i), &b);
		buf_add(&b, "", 1);
		cr_assert_eq(buf_rc(&b), RC_OK);
		cr_expect_not_null(strstr(page, (const char *)b.p), "%s", (const char *)b.p);
		buf_release(&b);
	}
	at = strstr(page, "| kind | exec_act |");
	cr_assert_not_null(at);
	for (at = strchr(strchr(at, '\n') + 1, '\n') + 1; *at == '|'; at = strchr(at, '\n') + 1)
		rows++;
	cr_expect_eq(rows, kind_count());
}
