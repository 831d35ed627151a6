/*
 * Lines from the terminal, through libedit. It calls us for every character, so that a
 * signal ends the wait at once, and so that UTF-8 is decoded here whatever the locale
 * says; this thread's LC_CTYPE is made a UTF-8 one, the process's is left alone.
 *
 * Terminals that can, bracket what is pasted, so that its newlines do not send it. What
 * is typed during a reply is not echoed into it, it waits for the next prompt: between
 * two lines the terminal neither echoes nor collects lines. libedit believes a change
 * that is made to it only if the terminal collects lines, so the two do not meet.
 */

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "command.h"
#include "edit.h"
#include "libedit.h"

#define HISTORY_LINES 1000
#define TEXT_MAX ((size_t)16 << 20)
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define PASTE_BEGIN "\033[200~"

struct editor {
	EditLine *line;
	History *history;
	HistEvent event;
	char *history_file; /* NULL: kept in memory only */
	locale_t locale, before;
	bool continued; /* the line before ended with a backslash */
	bool interrupted;
};

/* --- what libedit calls --- */

static char *prompt(EditLine *line)
{
	static char first[] = "> ";
	static char more[] = ". ";
	struct editor *editor = NULL;

	libedit.el_get(line, EL_CLIENTDATA, &editor);
	return editor->continued ? more : first;
}

/* One byte: 1, 0 at the end, -1 if a signal came. */
static int read_byte(struct editor *editor, unsigned char *byte)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = interrupt_fd(), .events = POLLIN },
		};
		if (interrupt_signal()) {
			editor->interrupted = true;
			errno = EIO; /* not EINTR, which it would try again after */
			return -1;
		}
		if (poll(fds, 2, -1) < 0 || !fds[0].revents)
			continue;
		ssize_t count = read(STDIN_FILENO, byte, 1);
		if (count >= 0)
			return (int)count;
		if (errno != EINTR && errno != EAGAIN)
			return 0; /* the terminal is gone */
	}
}

static int read_character(EditLine *line, wchar_t *ret)
{
	struct editor *editor = NULL;
	unsigned char byte;
	char bytes[4];
	size_t len = 0;

	libedit.el_get(line, EL_CLIENTDATA, &editor);
	do {
		int rc = read_byte(editor, &byte);
		if (rc <= 0)
			return rc;
		bytes[len++] = (char)byte;
		/* Not whole, and not wrong either: the lead byte says how many follow. */
	} while (term_utf8_prefix(bytes, len) < len && (unsigned char)bytes[0] >= 0xc2 &&
		 len < ((unsigned char)bytes[0] >= 0xf0   ? 4u
			: (unsigned char)bytes[0] >= 0xe0 ? 3u
							  : 2u) &&
		 (len == 1 || ((unsigned char)bytes[len - 1] & 0xc0) == 0x80));
	mbstate_t state = { 0 };
	if (mbrtowc(ret, bytes, len, &state) > len)
		*ret = 0xfffd;
	return 1;
}

/* Bound to what a terminal sends before a paste: take all of it as it is. */
static unsigned char paste(EditLine *line, int key)
{
	static const wchar_t end[] = L"\033[201~";
	const size_t end_len = sizeof(end) / sizeof(*end) - 1;
	wchar_t *text = NULL;
	size_t len = 0, room = 0;
	wchar_t c;

	(void)key;
	while (len < TEXT_MAX && libedit.el_wgetc(line, &c) == 1) {
		if (len + 1 >= room) {
			room = room ? 2 * room : 1024;
			wchar_t *grown = realloc(text, room * sizeof(*text));
			if (!grown)
				break;
			text = grown;
		}
		text[len++] = c == '\r' ? '\n' : c;
		if (len >= end_len && wmemcmp(text + len - end_len, end, end_len) == 0) {
			len -= end_len;
			break;
		}
	}
	/* What the display cannot show would spoil it; tabs and newlines it can. */
	size_t used = 0;
	for (size_t i = 0; i < len; i++)
		if (text[i] >= ' ' || text[i] == '\n' || text[i] == '\t')
			text[used++] = text[i];
	if (used) {
		text[used] = L'\0';
		libedit.el_winsertstr(line, text);
	}
	free(text);
	return CC_REFRESH;
}

/* --- the history's file --- */

/* The folder and all above it, for this user only. */
static void make_folders(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;
	int len = -1;

	if (state && *state == '/')
		len = asprintf(&path, "%s/aichat/history", state);
	else if (home && *home == '/')
		len = asprintf(&path, "%s/.local/state/aichat/history", home);
	return len < 0 ? NULL : path;
}

static void remember(struct editor *editor, const char *text)
{
	libedit.history(editor->history, &editor->event, H_ENTER, text);
	if (!editor->history_file)
		return;
	mode_t mask = umask(077);
	libedit.history(editor->history, &editor->event, H_SAVE, editor->history_file);
	umask(mask);
}

/* --- the terminal --- */

static struct termios found; /* as it was before us */

/* Also called by the signal handler: no more than it may do. */
static void leave_terminal(void)
{
	ssize_t count = write(STDOUT_FILENO, PASTE_OFF, sizeof(PASTE_OFF) - 1);

	(void)count;
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

/* As it is between two lines. */
static void hush_terminal(void)
{
	struct termios hushed = found;

	hushed.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	hushed.c_cc[VMIN] = 1;
	hushed.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &hushed);
}

/* --- the editor --- */

static bool set_up(struct editor *editor)
{
	EditLine *line = editor->line;

	return libedit.el_set(line, EL_CLIENTDATA, editor) == 0 &&
	       libedit.el_set(line, EL_PROMPT, prompt) == 0 &&
	       libedit.el_set(line, EL_EDITOR, "emacs") == 0 &&
	       libedit.el_set(line, EL_SIGNAL, 0) == 0 &&
	       libedit.el_set(line, EL_HIST, libedit.history, editor->history) == 0 &&
	       libedit.el_set(line, EL_GETCFN, read_character) == 0 &&
	       libedit.el_wset(line, EL_ADDFN, L"aichat-paste", L"insert a paste",
			       paste) == 0 &&
	       libedit.el_set(line, EL_BIND, PASTE_BEGIN, "aichat-paste", NULL) == 0 &&
	       libedit.history(editor->history, &editor->event, H_SETSIZE,
			       HISTORY_LINES) >= 0 &&
	       libedit.history(editor->history, &editor->event, H_SETUNIQUE, 1) >= 0;
}

struct editor *editor_new(bool keep_history, const char **ret_why)
{
	struct editor *editor = NULL;

	*ret_why = libedit_load();
	if (!*ret_why)
		editor = calloc(1, sizeof(*editor));
	if (!editor)
		return NULL;
	if (tcgetattr(STDIN_FILENO, &found) < 0) {
		free(editor);
		return NULL;
	}
	editor->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (editor->locale)
		editor->before = uselocale(editor->locale);
	editor->line = libedit.el_init("aichat", stdin, stdout, stderr);
	editor->history = libedit.history_init();
	if (!editor->line || !editor->history || !set_up(editor)) {
		editor_free(editor);
		return NULL;
	}
	interrupt_at_exit(leave_terminal);
	hush_terminal();
	out_raw(&(struct out){ .fd = STDOUT_FILENO }, PASTE_ON, sizeof(PASTE_ON) - 1);
	if (keep_history && (editor->history_file = history_path())) {
		make_folders(editor->history_file);
		libedit.history(editor->history, &editor->event, H_LOAD,
				editor->history_file);
	}
	return editor;
}

void editor_free(struct editor *editor)
{
	if (!editor)
		return;
	if (editor->line) {
		libedit.el_end(editor->line);
		leave_terminal();
		interrupt_at_exit(NULL);
	}
	if (editor->history)
		libedit.history_end(editor->history);
	if (editor->locale) {
		uselocale(editor->before);
		freelocale(editor->locale);
	}
	free(editor->history_file);
	free(editor);
}

static enum edited read_line(struct editor *editor, const char **ret_text,
			     size_t *ret_len)
{
	struct out out = { .fd = STDOUT_FILENO };
	int count = 0;

	editor->interrupted = false;
	*ret_text = libedit.el_gets(editor->line, &count);
	hush_terminal();
	if (editor->interrupted) {
		libedit.el_reset(editor->line);
		out_raw(&out, "\n", 1);
		return EDITED_INTERRUPT;
	}
	if (!*ret_text || count <= 0)
		return EDITED_END;
	*ret_len = (size_t)count;
	return EDITED_LINE;
}

enum edited editor_read(struct editor *editor, char **ret_text, size_t *ret_len)
{
	char *text = NULL;
	size_t used = 0;

	editor->continued = false;
	do {
		const char *line = NULL;
		size_t len = 0;
		enum edited what = read_line(editor, &line, &len);
		if (what != EDITED_LINE) {
			free(text);
			return what;
		}
		if (line[len - 1] == '\n')
			len--;
		editor->continued = len > 0 && line[len - 1] == '\\';
		char *grown = realloc(text, used + len + 2);
		if (!grown) {
			free(text);
			return EDITED_NOMEM;
		}
		text = grown;
		memcpy(text + used, line, len);
		used += len;
		if (editor->continued)
			text[used - 1] = '\n'; /* over the backslash */
	} while (editor->continued);
	text[used] = '\0';
	if (text[strspn(text, " \t\n")])
		remember(editor, text);
	*ret_text = text;
	*ret_len = used;
	return EDITED_LINE;
}
