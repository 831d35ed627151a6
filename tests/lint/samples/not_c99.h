struct sample {
	union {
		int a;
		float b;
	};
};
int sample_again(int, struct sample (*)[1]);
