static void both(aichat *ai, int code)
{
	expect(aichat_two(ai), code);
}

static void through(aichat *ai, int wanted)
{
	both(ai, wanted);
}

static void never(int code)
{
	expect(aichat_two(ai), code);
}

START_TEST(sample)
{
	/* expect(aichat_one("x", 1), AICHAT_EUTF8) */
	ck_assert_int_eq(aichat_one("(", 2), AICHAT_EJSON);
	expect_no_memory(aichat_one("x", 1));
	both(NULL, AICHAT_ECLOSED);
	through(NULL, AICHAT_EFORK);
	expect(aichat_two(NULL), AICHAT_EINVAL);
	expect(aichat_two(NULL), AICHAT_ESTATE);
	aichat_two(NULL) == AICHAT_ENOMEM;
}
END_TEST
