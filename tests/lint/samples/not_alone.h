int sample_size(size_t len);
