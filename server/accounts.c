/*
 * The first key of a store without accounts.
 */

#include <stdlib.h>

#include "auth.h"

int accounts_open(struct server *server, aichat_error **reterr)
{
	(void)server;
	(void)reterr;
	return 0;
}

void accounts_close(struct server *server)
{
	(void)server;
}

int accounts_exist(struct server *server, bool *ret_exist, aichat_error **reterr)
{
	(void)server;
	(void)reterr;
	*ret_exist = true;
	return 0;
}

int accounts_first_key(struct server *server, char **ret_key, aichat_error **reterr)
{
	(void)server;
	(void)ret_key;
	(void)reterr;
	return AICHAT_ESTATE;
}
