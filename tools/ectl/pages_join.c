/*
 * pages_join.c - see pages_join.h.
 */
#include "pages_join.h"

#include <stdlib.h>
#include <string.h>

static bool
is_list(const char *name, const char *const *lists)
{
	for (; *lists != NULL; lists++)
		if (strcmp(name, *lists) == 0)
			return true;
	return false;
}

static bool
add_page(json_t *whole, json_t *page, const char *const *lists)
{
	const char *name;
	json_t *value;

	json_object_foreach(page, name, value)
	{
		json_t *old = json_object_get(whole, name);

		if (is_list(name, lists)) {
			if (json_array_extend(old, value) != 0)
				return false;
		} else if (strcmp(name, "complete") != 0 || json_is_true(old)) {
			if (json_object_set(whole, name, value) != 0)
				return false;
		}
	}
	return true;
}

bool
pages_join(json_t **whole, const ProtobufCMessage *page, const char *const *lists)
{
	json_t *next = message_json(page);
	bool ok;

	if (next == NULL || *whole == NULL) {
		*whole = next != NULL ? next : *whole;
		return next != NULL;
	}
	ok = add_page(*whole, next, lists);
	json_decref(next);
	return ok;
}

static int
ascending(const void *a, const void *b)
{
	json_int_t x = *(const json_int_t *)a, y = *(const json_int_t *)b;

	return x < y ? -1 : x > y;
}

void
pages_joined(json_t *whole)
{
	json_t *list = json_object_get(whole, "rests_on");
	size_t n = json_array_size(list);
	json_int_t *v = malloc((n + 1) * sizeof *v);

	if (v == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		v[i] = json_integer_value(json_array_get(list, i));
	qsort(v, n, sizeof *v, ascending);
	(void)json_array_clear(list);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || v[i] != v[i - 1])
			(void)json_array_append_new(list, json_integer(v[i]));
	free(v);
}
