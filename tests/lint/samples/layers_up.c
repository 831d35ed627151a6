#include <curl/curl.h>
#include <json-c/json.h>
#include <sqlite3.h>
#include <stdio.h>
#include <confuse.h>

#include "net/sse.h"
#include "chat/turn.h"
#include "codec.h"
#include "shared/util.h"
#include "model/message.h"
#include "base/buf.h"
/* #include "api/open.h" */
