#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "log.h"
#include "password.h"

#define HASHERS 2
#define WAITERS 16
#define WAIT_SECONDS 5

_Static_assert(PASSWORD_HASH == crypto_pwhash_STRBYTES, "the length of a hash");

/* ---- two at once ------------------------------------------------------------------ */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_free;
static pthread_once_t gate_once = PTHREAD_ONCE_INIT;
static int hashers, waiters; /* guarded by gate_lock */

static void start_gate(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate_free, &attributes);
	pthread_condattr_destroy(&attributes);
}

static bool enter(void)
{
	struct timespec until;
	int rc = 0;

	pthread_once(&gate_once, start_gate);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	pthread_mutex_lock(&gate_lock);
	bool in = hashers < HASHERS;
	if (!in && waiters < WAITERS) {
		waiters++;
		while (hashers >= HASHERS && rc == 0)
			rc = pthread_cond_timedwait(&gate_free, &gate_lock, &until);
		waiters--;
		in = hashers < HASHERS;
	}
	hashers += in;
	pthread_mutex_unlock(&gate_lock);
	return in;
}

static void leave(void)
{
	pthread_mutex_lock(&gate_lock);
	hashers--;
	pthread_cond_signal(&gate_free);
	pthread_mutex_unlock(&gate_lock);
}

enum password_result password_hash(const char *password, char ret_hash[PASSWORD_HASH])
{
	if (!enter())
		return PASSWORD_BUSY;
	int rc = crypto_pwhash_str(ret_hash, password, strlen(password),
				   crypto_pwhash_OPSLIMIT_INTERACTIVE,
				   crypto_pwhash_MEMLIMIT_INTERACTIVE);
	leave();
	return rc == 0 ? PASSWORD_RIGHT : PASSWORD_BUSY;
}

/* Of no password: what it is compared with tells nobody that there is no such user. */
#define NOBODY                                                                           \
	"$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"                         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

enum password_result password_check(const char *password, const char *hash)
{
	if (!enter())
		return PASSWORD_BUSY;
	int rc = crypto_pwhash_str_verify(*hash ? hash : NOBODY, password,
					  strlen(password));
	leave();
	return rc == 0 && *hash ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

/* ---- who guesses ------------------------------------------------------------------ */

/*
 * Fixed tables: a name at an address, and an address for all names. Only attempts write
 * in them, and who has to wait keeps the slot until then: nobody can push a guesser out.
 * A failure that would need such a slot is not counted; that is rare, and each address
 * has few attempts.
 */
#define SLOTS 1024
#define FREE_ATTEMPTS_NAME 5
#define FREE_ATTEMPTS_PEER 30
#define WAIT_MAX_MS 300000
#define FORGET_MS 900000

struct slot {
	uint64_t who;
	int failures;
	int64_t last_ms, until_ms;
};

static pthread_mutex_t throttle_lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by throttle_lock, as the key. */
static struct slot names[SLOTS], peers[SLOTS];
static unsigned char slot_key[crypto_shorthash_KEYBYTES];
static bool has_slot_key;

/* With throttle_lock held; name NULL for the address itself. */
static uint64_t hash_of(const char *name, const char *peer)
{
	char text[320];
	uint64_t who = 0;

	if (!has_slot_key)
		randombytes_buf(slot_key, sizeof(slot_key));
	has_slot_key = true;
	snprintf(text, sizeof(text), "%.64s\n%.200s", peer, name ? name : "");
	crypto_shorthash((unsigned char *)&who, (const unsigned char *)text, strlen(text),
			 slot_key);
	return who;
}

/* With throttle_lock held: the slot to write in; NULL: it is somebody's who has to wait.
 * Old ones are forgotten. */
static struct slot *take_slot(const char *name, const char *peer, int64_t now)
{
	uint64_t who = hash_of(name, peer);
	struct slot *slot = &(name ? names : peers)[who % SLOTS];

	if (slot->who != who && slot->until_ms > now)
		return NULL;
	if (slot->who != who || now - slot->last_ms > FORGET_MS)
		*slot = (struct slot){ .who = who, .last_ms = now };
	return slot;
}

/* With throttle_lock held. */
static int64_t until_of(const char *name, const char *peer)
{
	uint64_t who = hash_of(name, peer);
	const struct slot *slot = &(name ? names : peers)[who % SLOTS];

	return slot->who == who ? slot->until_ms : 0;
}

int64_t throttle_wait_ms(const char *name, const char *peer)
{
	int64_t now = clock_mono_us() / 1000;

	pthread_mutex_lock(&throttle_lock);
	int64_t until = until_of(NULL, peer);
	int64_t own = until_of(name, peer);
	until = own > until ? own : until;
	pthread_mutex_unlock(&throttle_lock);
	return until > now ? until - now : 0;
}

static bool fail_slot(struct slot *slot, int free_attempts, int64_t now)
{
	if (!slot)
		return false;
	slot->last_ms = now;
	if (++slot->failures < free_attempts)
		return false;
	int doublings = slot->failures - free_attempts;
	int64_t wait = doublings < 9 ? (int64_t)1000 << doublings : WAIT_MAX_MS;
	slot->until_ms = now + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
	return true;
}

bool throttle_note(const char *name, const char *peer, bool success)
{
	int64_t now = clock_mono_us() / 1000;
	bool waits = false;

	pthread_mutex_lock(&throttle_lock);
	struct slot *slot = take_slot(name, peer, now);
	if (!success) {
		waits = fail_slot(slot, FREE_ATTEMPTS_NAME, now);
		waits |= fail_slot(take_slot(NULL, peer, now), FREE_ATTEMPTS_PEER, now);
	} else if (slot) {
		*slot = (struct slot){ 0 };
	}
	pthread_mutex_unlock(&throttle_lock);
	return waits;
}
