package interop;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Runs named checks, each to its end, and counts how they ended. */
final class Suite {
  interface Check {
    void run() throws Exception;
  }

  private final PrintStream out;
  private int passed;
  private final List<String> failed = new ArrayList<>();

  Suite(PrintStream out) {
    this.out = out;
  }

  void check(String name, Check check) {
    long start = System.nanoTime();
    try {
      check.run();
      passed++;
      out.printf("ok    %-60s %6d ms%n", name, (System.nanoTime() - start) / 1_000_000);
    } catch (Throwable e) {
      failed.add(name);
      out.printf("FAIL  %-60s %6d ms%n", name, (System.nanoTime() - start) / 1_000_000);
      e.printStackTrace(out);
    }
  }

  /** Checks that the action throws exactly this exception, with this in its message. */
  void refused(String name, Class<? extends Throwable> type, String message, Check action) {
    check(name, () -> {
      try {
        action.run();
      } catch (Throwable e) {
        require(type.isInstance(e), "expected " + type.getName() + ", got " + e);
        require(String.valueOf(e.getMessage()).contains(message), "message is " + e.getMessage());
        return;
      }
      throw new AssertionError("no exception, expected " + type.getName());
    });
  }

  static void require(boolean condition, String what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }

  static void equal(Object want, Object got, String what) {
    require(want == null ? got == null : want.equals(got), what + ": want " + want + ", got " + got);
  }

  /** Prints the counts and returns the exit code. */
  int finish() {
    failed.forEach(name -> out.println("failed: " + name));
    out.printf("%d passed, %d failed%n", passed, failed.size());
    return failed.isEmpty() ? 0 : 1;
  }
}
