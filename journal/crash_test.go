package journal_test

const crashChildDir = "JOURNAL_CRASH_CHILD"

func crashChild(dir string) {}
