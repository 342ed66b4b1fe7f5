/*
 * fuzz_json.c - what json_parse() takes, a second reader takes too; and every node's raw span says
 * the same alone.
 *
 * The second reader is jansson (strict about duplicates).  It holds numbers as int64 or double, so
 * a number beyond those is the one thing it may refuse.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/json.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {.size_max = 65536, .depth_max = 16, .nodes_max = 5000};

static void
check_second_reader(const uint8_t *data, size_t size)
{
	json_error_t error;
	json_t *j =
	    json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (j == NULL)
		must(json_error_code(&error) == json_error_numeric_overflow);
	json_decref(j);
}

static void
check_alone(const struct json_node *node, bool in_object)
{
	struct json_node *again = NULL;
	struct arena arena;

	must(node->raw.n > 0);
	must(in_object || node->name.n == 0);
	arena_init(&arena, 32 << 20);
	must(json_parse(node->raw, &limits, false, &arena, &again, NULL) == RC_OK);
	must(again->type == node->type);
	must(again->count == node->count);
	must(again->raw.n == node->raw.n);
	must(bytes_eq(again->text, node->text));
	must(json_depth(again) == json_depth(node));
	arena_release(&arena);
}

/* Every node, without recursion: children wait on a list that is as long as the nodes are many. */
static void
check_nodes(const struct json_node *root)
{
	const struct json_node **todo = malloc(limits.nodes_max * sizeof(*todo)), *child;
	size_t count = 0, checked = 0, of;

	must(todo != NULL);
	check_alone(root, false);
	todo[count++] = root;
	while (count > 0) {
		const struct json_node *node = todo[--count];

		for (child = node->child, of = 0; child != NULL; child = child->next, of++) {
			must(child->depth == node->depth + 1);
			must(child->raw.p >= node->raw.p);
			must(child->raw.p + child->raw.n <= node->raw.p + node->raw.n);
			if (checked++ < 200) /* quadratic: enough of them */
				check_alone(child, node->type == JSN_OBJECT);
			must(count < limits.nodes_max);
			todo[count++] = child;
		}
		must(of == node->count);
	}
	free(todo);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_node *root = NULL;
	struct arena arena;
	struct why why = {.rule = NULL};
	enum rc rc;

	arena_init(&arena, 32 << 20);
	rc = json_parse(bytes_of(data, size), &limits, false, &arena, &root, &why);
	if (rc == RC_OK) {
		check_second_reader(data, size);
		check_nodes(root);
	} else {
		must(rc == RC_BAD_TOKEN || rc == RC_TOO_LARGE || rc == RC_NO_MEMORY);
		must(root == NULL && why.rule != NULL && why.at <= size);
	}
	arena_release(&arena);
	return 0;
}
