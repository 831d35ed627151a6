/*
 * The smallest program that uses the library; also valid C++. It is built as others
 * would build theirs.
 */
#include <stdio.h>
#include <string.h>

#include <aichat/aichat.h>

int main(void)
{
	aichat *ai = NULL;
	aichat_error *err = NULL;

	if (strcmp(aichat_version(), AICHAT_VERSION) != 0 ||
	    aichat_abi_version() != AICHAT_ABI) {
		fprintf(stderr, "the header says %s, the library %s\n", AICHAT_VERSION,
			aichat_version());
		return 1;
	}
	if (aichat_open(NULL, &ai, &err) < 0) {
		fprintf(stderr, "%s\n", aichat_error_message(err));
		aichat_error_unref(err);
		return 1;
	}
	aichat_close(ai);
	printf("aichat %s\n", aichat_version());
	return 0;
}
