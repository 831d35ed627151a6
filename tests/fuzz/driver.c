/*
 * Runs a fuzz target without a fuzzer: over every file that is named, and every file of
 * every folder that is named. So each input that was ever of interest is tested, in
 * every build, by every compiler.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)16 << 20)

static size_t inputs;

static bool run_file(const char *path)
{
	char *data = NULL;
	size_t len = 0;
	aichat_error *error = NULL;

	if (aic_file_read_all(path, INPUT_MAX, &data, &len, &error) < 0) {
		fprintf(stderr, "%s\n", aichat_error_message(error));
		aichat_error_unref(error);
		return false;
	}
	/* Exactly as large as the input, so that a sanitizer sees a read behind it. */
	uint8_t *exact = aic_malloc(len);
	if (exact) {
		memcpy(exact, data, len);
		LLVMFuzzerTestOneInput(exact, len);
		inputs++;
	}
	aic_free(exact);
	aic_free(data);
	return exact;
}

static bool run_folder(const char *path)
{
	DIR *folder = opendir(path);
	bool ok = folder;

	while (ok) {
		struct dirent *entry = readdir(folder);
		if (!entry)
			break;
		if (entry->d_name[0] == '.')
			continue;
		AIC_CLEANUP(aic_buf_done) struct aic_buf name = aic_buf(0);
		ok = aic_buf_printf(&name, "%s/%s", path, entry->d_name) == 0 &&
		     run_file(name.data);
	}
	if (folder)
		closedir(folder);
	else
		perror(path);
	return ok;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat status;
		bool folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
		if (!(folder ? run_folder(argv[i]) : run_file(argv[i])))
			return EXIT_FAILURE;
	}
	printf("%zu inputs\n", inputs);
	if (!inputs)
		fprintf(stderr, "usage: %s FILE-OR-FOLDER ...\n", argv[0]);
	return inputs ? EXIT_SUCCESS : EXIT_FAILURE;
}
