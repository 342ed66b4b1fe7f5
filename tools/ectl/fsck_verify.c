/*
 * fsck_verify.c - token signatures, on all processors: the walk puts them into a ring, threads take
 * them out.
 *
 * A job points into the database's pages (the read transaction keeps them until the end) and into
 * the history's records, which stay.  What does not hold is remembered and told by the walk's
 * thread at the end, in the order of the log.
 *
 * An entry of version 1 has no evidence: its key is looked for in the trust folder by thumbprint.
 */
#include "fsck.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#define RING	    1024
#define THREADS_MAX 64
#define JWKS_MAX    ((size_t)4 << 20)

struct job {
	uint64_t index, media, binding;
	struct span token, credential;
	uint8_t signer[FSCK_HASH];
	const struct fsck_record *anchor; /* or */
	const struct fsck_pkey *key;
	char *iss;
	int64_t at; /* received, seconds */
};

struct bad {
	uint64_t index;
	const char *why;
};

struct fsck_verify {
	struct fsck_pkey *keys; /* of the trust folder, by thumbprint */
	size_t key_count, key_room;

	pthread_mutex_t lock;
	pthread_cond_t more, less;
	struct job ring[RING];
	size_t first, count;
	bool end;
	uint64_t ok;
	struct bad *bad;
	size_t bad_count, bad_room;
	pthread_t threads[THREADS_MAX];
	size_t thread_count;
};

/* ---- the trust folder ---- */

static int
by_thumbprint(const void *a, const void *b)
{
	return memcmp(((const struct fsck_pkey *)a)->thumbprint,
	    ((const struct fsck_pkey *)b)->thumbprint, FSCK_HASH);
}

static void
add_key(struct fsck_verify *v, const json_t *jwk)
{
	char *text = json_dumps(jwk, JSON_COMPACT);
	struct fsck_pkey k;

	if (text != NULL && fsck_pkey_jwk((struct span){(const uint8_t *)text, strlen(text)}, &k)) {
		v->keys = fsck_grow(v->keys, v->key_count, &v->key_room, sizeof(*v->keys));
		v->keys[v->key_count++] = k;
	}
	free(text);
}

static void
load_domain(struct fsck_verify *v, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name), i;
		uint8_t *text = NULL;
		json_t *set = NULL, *jwk;
		char *path;

		if (n < 10 || e->d_name[0] == '.' || strcmp(e->d_name + n - 10, ".jwks.json") != 0)
			continue;
		path = fsck_path(folder, e->d_name);
		if (fsck_read(path, JWKS_MAX, &text, &n))
			set = json_loadb((const char *)text, n, JSON_ALLOW_NUL, NULL);
		json_array_foreach(json_object_get(set, "keys"), i, jwk) add_key(v, jwk);
		json_decref(set);
		free(text);
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void
load_folder(struct fsck_verify *v, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			char *path = fsck_path(folder, e->d_name);

			load_domain(v, path);
			free(path);
		}
	if (dir != NULL)
		closedir(dir);
	if (v->key_count > 1)
		qsort(v->keys, v->key_count, sizeof(*v->keys), by_thumbprint);
}

/* ---- one signature; any thread ---- */

static const char *
signing_key(const struct job *j, const struct fsck_form *form, struct fsck_pkey *out)
{
	out->key = NULL;
	if (j->anchor == NULL)
		return NULL;
	switch (j->binding) {
	case FSCK_X509:
		return fsck_credential_x509(
		    form, j->credential, j->anchor->event.material, j->iss, j->at, out);
	case FSCK_WIT:
		return fsck_credential_wit(j->credential, &j->anchor->pkey, j->iss, j->at, out);
	default:
		return NULL;
	}
}

static const char *
check_job(const struct job *j)
{
	static const char no[] =
	    "the token's signature does not verify under the key that the entry names";
	const struct fsck_pkey *key = j->key;
	struct fsck_pkey own;
	struct fsck_form form;
	const char *bad = no;
	uint8_t *message;
	size_t n;

	if (!fsck_form_read(j->token, j->media, &form))
		return no;
	if ((bad = signing_key(j, &form, &own)) != NULL)
		return bad;
	if (own.key != NULL)
		key = &own;
	else if (j->anchor != NULL)
		key = &j->anchor->pkey;
	bad = no;
	message = fsck_form_signed(&form, &n);
	if (key == NULL || key->key == NULL || message == NULL)
		bad = "there is no key to check it with";
	else if (memcmp(key->thumbprint, j->signer, FSCK_HASH) != 0)
		bad = "the key that signed is not the one that the entry names";
	else if (fsck_pkey_verify(key, (struct span){message, n},
		     (struct span){form.signature, form.signature_size}))
		bad = NULL;
	free(message);
	fsck_pkey_release(&own);
	return bad;
}

/* ---- the ring ---- */

static void *
work(void *arg)
{
	struct fsck_verify *v = arg;
	const char *why;
	struct job j;

	pthread_mutex_lock(&v->lock);
	for (;;) {
		while (v->count == 0 && !v->end)
			pthread_cond_wait(&v->more, &v->lock);
		if (v->count == 0)
			break;
		j = v->ring[v->first];
		v->first = (v->first + 1) % RING;
		v->count--;
		pthread_cond_signal(&v->less);
		pthread_mutex_unlock(&v->lock);
		why = check_job(&j);
		free(j.iss);
		pthread_mutex_lock(&v->lock);
		if (why != NULL) {
			v->bad = fsck_grow(v->bad, v->bad_count, &v->bad_room, sizeof(*v->bad));
			v->bad[v->bad_count++] = (struct bad){j.index, why};
		} else {
			v->ok++;
		}
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

void
fsck_verify_begin(struct fsck *f)
{
	struct fsck_verify *v = fsck_alloc(1, sizeof(*v));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	f->verify = v;
	load_folder(v, f->trust_folder);
	(void)pthread_mutex_init(&v->lock, NULL);
	(void)pthread_cond_init(&v->more, NULL);
	(void)pthread_cond_init(&v->less, NULL);
	for (long i = 0; i < cpus && v->thread_count < THREADS_MAX; i++)
		if (pthread_create(&v->threads[v->thread_count], NULL, work, v) == 0)
			v->thread_count++;
}

void
fsck_verify_add(struct fsck *f, uint64_t index, const struct fsck_entry *e,
    const struct fsck_task *t, const struct fsck_record *anchor)
{
	struct fsck_verify *v = f->verify;
	const struct fsck_pkey *key = NULL;
	struct fsck_pkey want;
	struct job j;

	memcpy(want.thumbprint, e->signer, FSCK_HASH);
	if (anchor == NULL && v->key_count > 0)
		key = bsearch(&want, v->keys, v->key_count, sizeof(*key), by_thumbprint);
	if ((anchor == NULL && key == NULL) || v->thread_count == 0) {
		f->signatures_unchecked++;
		return;
	}
	j = (struct job){.index = index,
	    .media = e->media,
	    .binding = e->binding,
	    .token = e->token,
	    .credential = e->credential,
	    .anchor = anchor,
	    .key = key,
	    .iss = strdup(t->iss),
	    .at = (int64_t)(e->received_ms / 1000)};
	memcpy(j.signer, e->signer, FSCK_HASH);
	if (j.iss == NULL)
		_exit(FSCK_EXIT_MEMORY);
	pthread_mutex_lock(&v->lock);
	while (v->count == RING)
		pthread_cond_wait(&v->less, &v->lock);
	v->ring[(v->first + v->count++) % RING] = j;
	pthread_cond_signal(&v->more);
	pthread_mutex_unlock(&v->lock);
}

static int
by_index(const void *a, const void *b)
{
	const struct bad *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

void
fsck_verify_end(struct fsck *f)
{
	struct fsck_verify *v = f->verify;

	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->end = true;
	pthread_cond_broadcast(&v->more);
	pthread_mutex_unlock(&v->lock);
	for (size_t i = 0; i < v->thread_count; i++)
		(void)pthread_join(v->threads[i], NULL);
	f->signatures_ok += v->ok;
	if (v->bad_count > 1)
		qsort(v->bad, v->bad_count, sizeof(*v->bad), by_index);
	for (size_t i = 0; i < v->bad_count; i++)
		fsck_problem(f, FSCK_SIGNATURE, v->bad[i].index, NULL, "%s", v->bad[i].why);
	for (size_t i = 0; i < v->key_count; i++)
		fsck_pkey_release(&v->keys[i]);
	pthread_cond_destroy(&v->less);
	pthread_cond_destroy(&v->more);
	pthread_mutex_destroy(&v->lock);
	free(v->keys);
	free(v->bad);
	free(v);
	f->verify = NULL;
}
