"""What both dialects share: errors, usage figures, opaque strings."""

import json

STOP_REASONS = (
    "stop", "stop_sequence", "length", "context_window", "tool_calls", "refusal",
    "content_filter", "pause", "unknown",
)

# Providers that answer 429 (or 400) because money ran out, not because we were too fast.
QUOTA_WORDS = {
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded", "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached", "contract_spend_limit_reached", "billing_error",
}
CONTEXT_WORDS = {"context_length_exceeded", "exceed_context_size_error"}
FILTER_WORDS = {"content_filter"}

# Without an HTTP status (an error inside a stream) the type decides.
TYPE_CODES = {
    "overloaded_error": ["PROVIDER_OVERLOADED"],
    "rate_limit_error": ["PROVIDER_RATE_LIMITED"],
    "rate_limit_exceeded": ["PROVIDER_RATE_LIMITED"],
    "authentication_error": ["PROVIDER_AUTH"],
    "permission_error": ["PROVIDER_AUTH", "PROVIDER_REJECTED"],
    "not_found_error": ["PROVIDER_REJECTED", "UNKNOWN_MODEL", "NOT_FOUND"],
    "invalid_request_error": ["PROVIDER_REJECTED", "PROVIDER_ERROR"],
    "BadRequestError": ["PROVIDER_REJECTED", "PROVIDER_ERROR"],
    "request_too_large": ["PROVIDER_REJECTED", "CONTEXT_TOO_LONG"],
    "api_error": ["PROVIDER_ERROR"],
    "server_error": ["PROVIDER_ERROR"],
    "timeout_error": ["PROVIDER_ERROR", "PROVIDER_TIMEOUT"],
    "service_unavailable_error": ["PROVIDER_OVERLOADED", "PROVIDER_ERROR"],
}


class Opaque(list):
    """Strings that must survive in some part's raw text, each once."""

    def collect(self, value):
        if isinstance(value, str):
            if value and value not in self:
                self.append(value)
        elif isinstance(value, dict):
            for item in value.values():
                self.collect(item)
        elif isinstance(value, list):
            for item in value:
                self.collect(item)


def clean(text):
    """Join surrogate halves that two deltas brought; a lone half becomes U+FFFD."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def set_count(usage, name, value):
    if is_count(value):
        usage[name] = value


def dig(value, *path):
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _codes_by_status(status, words, message):
    if words & FILTER_WORDS:
        return ["CONTENT_FILTERED"]
    if words & CONTEXT_WORDS:
        return ["CONTEXT_TOO_LONG"]
    if status == 402 or (words & QUOTA_WORDS):
        return ["PROVIDER_QUOTA"]
    if status == 401:
        return ["PROVIDER_AUTH"]
    if status == 403:
        return ["PROVIDER_AUTH", "PROVIDER_REJECTED"]
    if status == 404:
        return ["PROVIDER_REJECTED", "UNKNOWN_MODEL", "NOT_FOUND"]
    if status == 408:
        return ["PROVIDER_TIMEOUT"]
    if status in (429, 498):
        if status == 498 or "overload" in message.lower():
            return ["PROVIDER_RATE_LIMITED", "PROVIDER_OVERLOADED"]
        return ["PROVIDER_RATE_LIMITED"]
    if status == 529:
        return ["PROVIDER_OVERLOADED"]
    if status == 503:
        return ["PROVIDER_OVERLOADED", "PROVIDER_ERROR"]
    if status == 504:
        return ["PROVIDER_ERROR", "PROVIDER_TIMEOUT"]
    if status >= 500:
        return ["PROVIDER_ERROR"]
    # A 400 that only its prose explains: some libraries read it, some do not.
    codes = ["PROVIDER_REJECTED"]
    low = message.lower()
    if any(w in low for w in ("context length", "context size", "too long", "prompt length",
                              "too many", "maximum")):
        codes.append("CONTEXT_TOO_LONG")
    if "api key" in low:
        codes.append("PROVIDER_AUTH")
    if "model" in low:
        codes.append("UNKNOWN_MODEL")
    return codes


def _codes_in_stream(words, message):
    if words & FILTER_WORDS:
        return ["CONTENT_FILTERED"]
    if words & CONTEXT_WORDS:
        return ["CONTEXT_TOO_LONG"]
    if words & QUOTA_WORDS:
        return ["PROVIDER_QUOTA"]
    for word in sorted(words):
        if word in TYPE_CODES:
            return TYPE_CODES[word]
        if word.isdigit() and 400 <= int(word) <= 599:
            codes = _codes_by_status(int(word), words, message)
            return codes if "PROVIDER_ERROR" in codes else codes + ["PROVIDER_ERROR"]
    return ["PROVIDER_ERROR", "PROVIDER_REJECTED"]


def make_error(document, status=None, text=""):
    """The neutral error of DOCUMENT (parsed JSON, or None if the body was none).

    codes: the library's names that fit, any of them; provider_words: the provider's own
    words, of which the library may give any; message: what its line must contain.
    """
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        document = {}
    inner = document.get("error")
    words = []
    message = ""

    def word(value):
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int):
            value = str(value)
        if isinstance(value, str) and value and value not in words:
            words.append(value)

    if isinstance(inner, dict):
        word(dig(inner, "details", "error_code"))
        word(inner.get("code"))
        word(inner.get("type"))
        message = inner.get("message") or ""
    elif isinstance(inner, str):
        message = inner
        word(document.get("code"))
        word(document.get("type"))
    else:
        word(document.get("code"))
        word(document.get("error_code"))
        if document.get("type") != "error":
            word(document.get("type"))
        message = document.get("message") or document.get("detail") or ""
    if not isinstance(message, str):
        message = ""
    error = {}
    if status is not None:
        error["status"] = status
        error["codes"] = _codes_by_status(status, set(words), message or text)
    else:
        error["codes"] = _codes_in_stream(set(words), message)
    if words:
        error["provider_words"] = words
    if message:
        error["message"] = message
    elif text.strip() and not document:
        error["excerpt"] = text.strip()[:24]
    return error


def protocol_error(what):
    return {"codes": ["PROVIDER_PROTOCOL"], "about": what}


def interrupted_error():
    return {"codes": ["INTERRUPTED"]}


def result(state, parts, word, reason, usage, model, error, **more):
    out = {"ok": state == "sealed", "state": state, "parts": parts, "stop_reason": reason,
           "stop_word": word, "usage": usage, "model": model, "error": error}
    out.update(more)
    return out
