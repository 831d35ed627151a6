#include <aichat/aichat.h>
#include <curl/curl.h>

#include "base/buf.h"
#include "output.h"
