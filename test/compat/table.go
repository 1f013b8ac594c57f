// Package compat reads docs/compatibility.md, so that tests can hold the product
// to it. It never judges: what a row promises is checked by the tests that use
// it.
package compat

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Answers of a row.
const (
	Works   = "works"
	Differs = "differs"
	Refused = "refused"
)

// Row is one line of a table: a call of an interface and what becomes of it.
type Row struct {
	Section string // the heading above the table, without its quotes
	Name    string
	Answer  string // Works, Differs or Refused
	Text    string // what differs, or why it is refused
	// Checks are what shows it: names of checks of the Java suite, and commands
	// of the shell's steps.
	Checks []string
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Read returns the rows of the document in a file.
func Read(file string) ([]Row, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f)
}

// Parse returns the rows of all tables of the document. A table has the columns
// name, answer and text, and those about Java a fourth one with checks in
// backquotes.
func Parse(r io.Reader) ([]Row, error) {
	var rows []Row
	section := ""
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if title, ok := strings.CutPrefix(line, "### "); ok {
			section = strings.Trim(title, "`")
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		row, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		row.Section = section
		rows = append(rows, row)
	}
	return rows, lines.Err()
}

func parseRow(line string) (Row, error) {
	cells := strings.Split(strings.Trim(line, "| "), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if len(cells) < 2 {
		return Row{}, fmt.Errorf("%q has no answer", line)
	}
	cells = append(cells, "", "")
	row := Row{Name: strings.Trim(cells[0], "`"), Answer: cells[1], Text: cells[2]}
	if !slices.Contains([]string{Works, Differs, Refused}, row.Answer) {
		return Row{}, fmt.Errorf("%s: answer %q is none of works, differs, refused", row.Name, row.Answer)
	}
	if row.Answer != Works && row.Text == "" {
		return Row{}, fmt.Errorf("%s %s: say how or why", row.Name, row.Answer)
	}
	for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
		row.Checks = append(row.Checks, m[1])
	}
	return row, nil
}
