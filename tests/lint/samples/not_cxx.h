int sample_key(const char *class, int new);
