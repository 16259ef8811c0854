package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// TestRussian: each format has a translation that takes the same arguments, and the table holds no other.
func TestRussian(t *testing.T) {
	said := formats(t)
	if len(said) < 150 {
		t.Fatalf("only %d formats: the test looks in the wrong place", len(said))
	}
	for _, format := range slices.Sorted(maps.Keys(said)) {
		ru, ok := russian[format]
		switch {
		case !ok:
			t.Errorf("%s: no Russian for %q", said[format], format)
		case !slices.Equal(verbs(ru), verbs(format)):
			t.Errorf("%q takes %q, and %q takes %q", format, verbs(format), ru, verbs(ru))
		}
	}
	for format := range russian {
		if said[format] == "" {
			t.Errorf("nothing says %q", format)
		}
	}
}

// formats returns where each format is said: by a call of say or count, as a value of the type matching, or as an error whose words are in the table.
func formats(t *testing.T) map[string]string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	login := filepath.Join("..", "smtpclient", "login.go") // Its errors are evidence, too.
	files = append(files, login)
	said := map[string]string{}
	set := token.NewFileSet()
	note := func(e ast.Expr) {
		where := set.Position(e.Pos()).String()
		if lit, ok := e.(*ast.BasicLit); ok {
			if format, err := strconv.Unquote(lit.Value); err == nil {
				said[format] = where
				return
			}
		}
		if call, ok := e.(*ast.CallExpr); ok && isName(call.Fun, "string") && isName(call.Args[0], "how") {
			return // A matching.
		}
		t.Errorf("%s: the format is no literal", where)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return n.Recv != nil || n.Name.Name != "count"
			case *ast.CallExpr:
				switch {
				case isErrorsNew(n):
					if lit, ok := n.Args[0].(*ast.BasicLit); ok && russian[strings.Trim(lit.Value, `"`)] != "" {
						note(lit)
					}
				case isName(n.Fun, "say"):
					note(n.Args[0])
				case isName(n.Fun, "count"):
					note(n.Args[1])
					note(n.Args[2])
				}
			case *ast.ValueSpec:
				if isName(n.Type, "matching") {
					note(n.Values[0])
				}
			}
			return true
		})
	}
	return said
}

func isErrorsNew(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && isName(s.X, "errors") && s.Sel.Name == "New"
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

var verb = regexp.MustCompile(`%([-+# 0]*[0-9.]*)(?:\[([0-9]+)\])?([a-zA-Z%])`)

// verbs returns what a format does with each argument, in the order of the arguments.
func verbs(format string) []string {
	var out []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[3] == "%" {
			continue
		}
		if m[2] != "" {
			next, _ = strconv.Atoi(m[2])
		}
		out = append(out, strconv.Itoa(next)+" "+m[1]+m[3])
		next++
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(a, b) })
	return out
}

// TestSay: texts are filled in in each language, and what has no translation is the same in both.
func TestSay(t *testing.T) {
	refused := notServed(say("%s refuses the connection", "192.0.2.1:443"))
	for _, c := range []struct{ got, want catalog.Text }{
		{say("%s has %s", say("%s, an alias of %s,", "a.example", "b.example"), `"v=x"`), catalog.Text{
			EN: `a.example, an alias of b.example, has "v=x"`, RU: `у a.example (псевдоним для b.example) запись "v=x"`,
		}},
		{say("by the clocks of %d web servers ours is %v %s", 3, time.Minute, say("behind")), catalog.Text{
			EN: "by the clocks of 3 web servers ours is 1m0s behind", RU: "по часам веб-серверов (3) наши часы отстают на 1m0s",
		}},
		{count(1, "%d lookup", "%d lookups"), catalog.Text{EN: "1 lookup", RU: "запросов: 1"}},
		{say("%s: %s", "a", "100%"), same("a: 100%")},
		{wordsOf(unservedError{error: refused}), catalog.Text{
			EN: "the policy cannot be fetched: 192.0.2.1:443 refuses the connection",
			RU: "политику не удалось получить: 192.0.2.1:443 отклоняет соединение",
		}},
		{wordsOf(fmt.Errorf("later: %w", refused)), same("later: the policy cannot be fetched: 192.0.2.1:443 refuses the connection")},
		{wordsOf(errInvented), catalog.Text{EN: errInvented.Error(), RU: russian[errInvented.Error()]}},
		{wordsOf(errors.New("%s has %s")), same("%s has %s")},
		{listed([]catalog.Text{say("empty"), same("x")}, ", "), catalog.Text{EN: "empty, x", RU: "пуст, x"}},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if !errors.Is(refused, errNotServed) || !errors.Is(sickBecause(errInvented), errListSick) {
		t.Error("an error in words does not say what it is")
	}
}

// TestEvidenceNoted: evidence is written down in both languages, and a file from before is read.
func TestEvidenceNoted(t *testing.T) {
	for _, c := range []struct {
		file string
		want catalog.Text
	}{
		{`{"problem":"spf_missing","evidence":"none"}`, same("none")},
		{`{"problem":"spf_missing","evidence":"none","evidence_ru":"никакая"}`, say("none")},
	} {
		var n FindingNote
		if err := json.Unmarshal([]byte(c.file), &n); err != nil {
			t.Fatal(err)
		}
		part, ok := PartNote{Key: "x", Hold: HoldRecords, Findings: []FindingNote{n}}.Recall(spfCheck, func(string) bool { return true })
		if !ok || len(part.Findings) != 1 || part.Findings[0].Evidence != c.want {
			t.Fatalf("%s: got %v", c.file, part)
		}
		if again, err := json.Marshal(NoteFindings(part.Findings)[0]); err != nil || string(again) != c.file {
			t.Errorf("%s is written as %s: %v", c.file, again, err)
		}
	}
}
