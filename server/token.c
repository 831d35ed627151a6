#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "token.h"

#define PREFIX 4
#define ID 16
#define SECRET 52
#define CHECK 6

_Static_assert(PREFIX + ID + 1 + SECRET + CHECK + 1 == TOKEN_TEXT, "the token's length");

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

/* ---- the store's secret ----------------------------------------------------------- */

static int problem(char error[256], const char *path, const char *what)
{
	snprintf(error, 256, "%.180s: %.60s", path, what);
	return -1;
}

/* 1 and the secret, 0 if there is no file, -1. */
static int read_secret(const char *path, struct token_secret *ret, char error[256])
{
	unsigned char bytes[sizeof(ret->bytes) + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return problem(error, path, strerror(errno));
	struct stat status;
	ssize_t len = -1;
	bool open_to_others = fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
			      status.st_mode & 077;
	if (!open_to_others)
		len = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (open_to_others)
		return problem(error, path,
			       "must be a file that only its owner can read");
	if (len != (ssize_t)sizeof(ret->bytes))
		return problem(error, path, "is not the secret of a store; restore it");
	memcpy(ret->bytes, bytes, sizeof(ret->bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return 1;
}

static int sync_folder(const char *path)
{
	char folder[4200];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A whole file under another name, which then gets the real one if that is still free:
 * of several that start at once, one makes it. */
static int make_secret(const char *path, char error[256])
{
	struct token_secret secret;
	char draft[4300];

	snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid());
	int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return problem(error, path, strerror(errno));
	randombytes_buf(secret.bytes, sizeof(secret.bytes));
	bool ok = write(fd, secret.bytes, sizeof(secret.bytes)) ==
			  (ssize_t)sizeof(secret.bytes) &&
		  fsync(fd) == 0;
	sodium_memzero(&secret, sizeof(secret));
	close(fd);
	ok = ok && (link(draft, path) == 0 || errno == EEXIST) && sync_folder(path) == 0;
	int why = errno;
	unlink(draft);
	return ok ? 0 : problem(error, path, strerror(why));
}

int token_secret_open(const char *path, struct token_secret *ret_secret, bool *ret_made,
		      char error[256])
{
	*ret_made = false;
	if (sodium_init() < 0)
		return problem(error, "libsodium", "cannot start");
	if (!*path) {
		randombytes_buf(ret_secret->bytes, sizeof(ret_secret->bytes));
		return 0;
	}
	int rc = read_secret(path, ret_secret, error);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (make_secret(path, error) < 0)
		return -1;
	*ret_made = true;
	rc = read_secret(path, ret_secret, error);
	return rc == 1 ? 0 : rc == 0 ? problem(error, path, "went away") : rc;
}

/* ---- tokens ----------------------------------------------------------------------- */

/* So many characters, five bits each, from the highest of the first byte on. */
static void put_base32(char *to, size_t count, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		size_t bit = 5 * i;
		unsigned pair = (unsigned)bytes[bit / 8] << 8;
		if (bit / 8 + 1 < len)
			pair |= bytes[bit / 8 + 1];
		to[i] = alphabet[pair >> (11 - bit % 8) & 31];
	}
}

static void put_check(char check[CHECK], const char *token)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)token,
			   PREFIX + ID + 1 + SECRET, NULL, 0);
	put_base32(check, CHECK, hash, sizeof(hash));
}

void token_make(const char *prefix, char ret_id[TOKEN_ID], char ret_token[TOKEN_TEXT])
{
	unsigned char id[10], secret[33];
	char *at = ret_token + PREFIX;

	randombytes_buf(id, sizeof(id));
	randombytes_buf(secret, sizeof(secret));
	memcpy(ret_token, prefix, PREFIX);
	put_base32(at, ID, id, sizeof(id));
	at[ID] = '_';
	put_base32(at + ID + 1, SECRET, secret, sizeof(secret));
	put_check(at + ID + 1 + SECRET, ret_token);
	ret_token[TOKEN_TEXT - 1] = '\0';
	memcpy(ret_id, at, ID);
	ret_id[ID] = '\0';
	sodium_memzero(secret, sizeof(secret));
}

bool token_read(const char *token, const char *prefix, char ret_id[TOKEN_ID])
{
	const char *at = token + PREFIX;
	char check[CHECK];

	if (strlen(token) != TOKEN_TEXT - 1 || strncmp(token, prefix, PREFIX) != 0 ||
	    strspn(at, alphabet) != ID || at[ID] != '_' ||
	    strspn(at + ID + 1, alphabet) != SECRET + CHECK)
		return false;
	put_check(check, token);
	if (memcmp(check, at + ID + 1 + SECRET, CHECK) != 0)
		return false;
	memcpy(ret_id, at, ID);
	ret_id[ID] = '\0';
	return true;
}

static void keyed(const struct token_secret *secret, const char *what, const char *token,
		  unsigned char ret_digest[DIGEST_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, secret->bytes, sizeof(secret->bytes),
				DIGEST_BYTES);
	crypto_generichash_update(&state, (const unsigned char *)what, strlen(what) + 1);
	crypto_generichash_update(&state, (const unsigned char *)token, strlen(token));
	crypto_generichash_final(&state, ret_digest, DIGEST_BYTES);
}

void token_digest(const struct token_secret *secret, const char *token,
		  unsigned char ret_digest[DIGEST_BYTES])
{
	keyed(secret, "token", token, ret_digest);
}

void token_csrf(const struct token_secret *secret, const char *token,
		char ret_csrf[DIGEST_TEXT])
{
	unsigned char digest[DIGEST_BYTES];

	keyed(secret, "csrf", token, digest);
	digest_text(digest, ret_csrf);
}

void digest_text(const unsigned char digest[DIGEST_BYTES], char text[DIGEST_TEXT])
{
	sodium_bin2hex(text, DIGEST_TEXT, digest, DIGEST_BYTES);
}

void digest_of(char ret_text[DIGEST_TEXT], const char *first, ...)
{
	unsigned char digest[DIGEST_BYTES];
	crypto_generichash_state state;
	va_list args;

	crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	va_start(args, first);
	for (const char *text = first; text; text = va_arg(args, const char *))
		crypto_generichash_update(&state, (const unsigned char *)text,
					  strlen(text) + 1);
	va_end(args);
	crypto_generichash_final(&state, digest, sizeof(digest));
	digest_text(digest, ret_text);
}
