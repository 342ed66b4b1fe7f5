/* test_tree_tile.c - which tiles there are and what they are called. */
#include "unit/test_tree_help.h"

static unsigned
width_of(const json_t *c)
{
	const json_t *w = json_object_get(c, "width");

	return json_is_null(w) ? TILE_WIDTH : (unsigned)json_real_value(w);
}

static void
check_path(const json_t *c, bool want_entries)
{
	const char *want = json_string_value(json_object_get(c, "path"));
	uint64_t index = strtoull(json_string_value(json_object_get(c, "index")), NULL, 10), number;
	unsigned level = (unsigned)integer(c, "level"), got_level, width;
	char text[96];
	bool entries;

	if (want_entries)
		tile_entries_path(index, width_of(c), text);
	else
		tile_path(level, index, width_of(c), text);
	cr_assert_str_eq(text, want);
	cr_assert(
	    tile_path_parse(bytes_str(want), &entries, &got_level, &number, &width), "%s", want);
	cr_assert(entries == want_entries && got_level == level);
	cr_assert(number == index && width == width_of(c));
}

Test(tree_tile, writes_and_reads_the_published_paths)
{
	json_t *doc = vectors("tiles/tile-paths.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(doc, "tile"), i, c) check_path(c, false);
	cr_assert(i == 8);
	json_array_foreach(json_object_get(doc, "entries"), i, c) check_path(c, true);
	cr_assert(i == 4);
	json_decref(doc);
}

Test(tree_tile, refuses_the_published_bad_paths)
{
	json_t *doc = vectors("tiles/tile-paths.json"), *c;
	uint64_t number;
	unsigned level, width;
	bool entries;
	size_t i;

	json_array_foreach(json_object_get(doc, "invalid"), i, c) cr_expect(
	    !tile_path_parse(bytes_str(json_string_value(c)), &entries, &level, &number, &width),
	    "%s", json_string_value(c));
	cr_assert(i == 19);
	json_decref(doc);
}

Test(tree_tile, reads_the_largest_number_and_refuses_one_more)
{
	uint64_t number;
	unsigned level, width;
	bool entries;
	char text[96];

	tile_path(7, UINT64_MAX, 255, text);
	cr_assert_str_eq(text, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255");
	cr_assert(tile_path_parse(bytes_str(text), &entries, &level, &number, &width));
	cr_assert(number == UINT64_MAX && level == 7 && width == 255);
	cr_assert(!tile_path_parse(bytes_str("tile/7/x018/x446/x744/x073/x709/x551/616"), &entries,
	    &level, &number, &width));
	cr_assert(!tile_path_parse(bytes_str("tile/7/x001/x018/x446/x744/x073/x709/x551/615"),
	    &entries, &level, &number, &width));
}

Test(tree_tile, no_shorter_or_longer_text_is_a_path)
{
	static const char good[] = "tile/1/x001/002.p/17";
	uint64_t number;
	unsigned level, width;
	bool entries;
	char text[96];
	size_t n;

	for (n = 0; n < sizeof(good) - 1; n++) {
		/* Three prefixes are paths of their own: the full tile, and two narrower ones. */
		bool path = n == 15 || n == 19;

		cr_expect(
		    tile_path_parse(bytes_of(good, n), &entries, &level, &number, &width) == path,
		    "%zu", n);
	}
	snprintf(text, sizeof(text), "%s ", good);
	cr_assert(!tile_path_parse(bytes_str(text), &entries, &level, &number, &width));
	cr_assert(
	    !tile_path_parse(bytes_of("tile/1/001\0", 11), &entries, &level, &number, &width));
}

Test(tree_tile, the_70000_leaf_tree_has_the_published_widths)
{
	json_t *doc = vectors("tiles/tiles-70000.json"), *widths = json_object_get(doc, "widths"),
	       *c;
	const char *path;
	uint64_t number;
	unsigned level, width;
	bool entries;

	json_object_foreach(widths, path, c)
	{
		cr_assert(tile_path_parse(bytes_str(path), &entries, &level, &number, &width));
		cr_assert(tile_width(70000, level, number) == width);
		cr_assert(width == (unsigned)json_real_value(c));
	}
	cr_assert(tile_width(70000, 0, 274) == 0);
	cr_assert(tile_width(70000, 2, 1) == 0);
	cr_assert(tile_width(70000, 3, 0) == 0);
	cr_assert(tile_width(256, 0, 0) == 256);
	cr_assert(tile_width(256, 1, 0) == 1);
	cr_assert(tile_width(255, 1, 0) == 0);
	cr_assert(tile_width(UINT64_MAX, 7, 0) == 255);
	cr_assert(tile_width(UINT64_MAX, 0, UINT64_MAX) == 0);
	json_decref(doc);
}

Test(tree_tile, must_not_name_an_empty_tile, .signal = SIGABRT)
{
	char text[96];

	tile_path(0, 0, 0, text);
}
