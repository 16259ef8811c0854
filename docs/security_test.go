package docs

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// limits are those of SECURITY.md: what somebody else may make us read, keep or wait for, the constant that says how much, and
// the test that shows it.
var limits = []struct{ what, of, constant, test string }{
	{"One line of a reply", "octets", "collector/smtpclient.maxLine", "collector/smtpclient.TestReplyErrors"},
	{"One reply", "octets", "collector/smtpclient.maxReply", "collector/smtpclient.TestMemory"},
	{"Lines of a reply", "", "collector/smtpclient.maxLines", "collector/smtpclient.TestMemory"},
	{"EHLO keywords that are looked at", "", "collector/smtpclient.maxKeywords", "collector/smtpclient.TestThousandKeywords"},
	{"A TLS handshake", "octets", "collector/smtpclient.maxHandshake", "collector/smtpclient.TestHostileCertificates"},
	{"Certificates of a server", "", "collector/smtpclient.maxChain", "collector/smtpclient.TestHostileCertificates"},
	{"All that comes under TLS", "octets", "collector/smtpclient.maxUnderTLS", "collector/smtpclient.TestHostileDialogues"},
	{"An SMTP session, unless `timeout` says less", "time", "collector/smtpclient.defaultTimeout", "collector/smtpclient.TestTimeouts"},
	{"A stage of it", "time", "collector/smtpclient.defaultStageTimeout", "collector/smtpclient.TestTimeouts"},
	{"A round over a target", "time", "collector.roundLimit", "collector.TestEndlessCheck"},
	{"Records of an answer of DNS", "", "collector/dnsclient.maxRecords", "collector/dnsclient.TestMX"},
	{"Aliases (CNAME) followed", "", "collector/dnsclient.maxAliases", "collector/dnsclient.TestAliasLimit"},
	{"Answers of DNS that are remembered", "", "collector/dnsclient.maxEntries", "collector/dnsclient.TestCacheBounds"},
	{"Octets of them", "octets", "collector/dnsclient.maxOctets", "collector/dnsclient.TestCacheBounds"},
	{"Octets that a round remembers beside", "octets", "collector/dnsclient.maxRoundOctets", "collector/dnsclient.TestRoundBounds"},
	{"Addresses of a server, of each family", "", "collector/checks.maxAddresses", "collector/checks.TestManyAddresses"},
	{"MX hosts of a domain that are followed", "", "collector/checks.maxMXHosts", "collector/checks.TestHundredMX"},
	{"An MTA-STS policy", "octets", "collector/record.MaxSTSPolicy", "collector/checks.TestFetchPolicyBounds"},
	{"Terms of SPF records that are looked up", "", "collector/spf.MaxWalk", "collector/spf.TestWorstCase"},
	{"Series about a target", "", "collector.maxSeries", "collector.TestBadSeries"},
	{"Evidence that one run of a check keeps", "octets", "collector.maxRunEvidence", "collector.TestEvidenceBound"},
	{"Evidence of all targets, above which a run keeps 1 KiB of each thing", "octets", "collector.maxAllEvidence", "collector.TestEvidenceBound"},
	{"A returned letter, of which the rest is not read", "octets", "catalog/bounce.MaxLetter", "catalog/bounce.TestReadLimit"},
	{"Octets of it that are looked at, each time counted", "octets", "catalog/bounce.maxWork", "catalog/bounce.TestBounds"},
	{"What is pasted into `/explain`", "octets", "cmd/mailprobe_exporter.maxPasted", "cmd/mailprobe_exporter.TestExplainPage"},
	{"Targets that are known because `/probe` was asked for them", "", "collector.maxDemanded", "collector.TestProbeBounded"},
	{"Requests for `/probe` that wait", "", "collector.maxAskers", "collector.TestProbeAskers"},
	{"Of them, for a round of targets that only `probe_allow` lets in", "", "collector.maxUnlistedQueue", "collector.TestProbeFlood"},
	{"A configuration file", "octets", "targets.maxFile", "targets.TestLoadErrors"},
	{"The file under `--storage.path`", "octets", "collector/storage.maxFile", "collector/storage.TestReadWhatIsNoFile"},
}

// limitsTable makes the table of limits from the constants in the code.
func limitsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| what | at most | shown by |\n|---|---|---|\n")
	for _, l := range limits {
		dir, name, _ := strings.Cut(l.constant, ".")
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", l.what, amount(t, constantOf(t, dir, name), l.of), l.test)
	}
	return b.String()
}

// amount writes a limit as people do.
func amount(t *testing.T, n int64, of string) string {
	t.Helper()
	switch {
	case of == "time":
		return duration(time.Duration(n))
	case of == "octets" && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case of == "octets" && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	case of == "":
		return fmt.Sprint(n)
	}
	t.Fatalf("%d %s: no whole number of KiB", n, of)
	return ""
}

// constantOf is the value of a constant of a package of ours, or of a variable that is never changed.
func constantOf(t *testing.T, dir, name string) int64 {
	t.Helper()
	for _, file := range sources(t, dir, "") {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range decl.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, n := range spec.Names {
					if n.Name == name && i < len(spec.Values) {
						v, exact := constant.Int64Val(evaluate(t, dir, spec.Values[i]))
						if !exact {
							t.Fatalf("%s.%s is no whole number", dir, name)
						}
						return v
					}
				}
			}
		}
	}
	t.Fatalf("there is no %s.%s", dir, name)
	return 0
}

// evaluate computes what our limits are made of: numbers, units of time, and operators.
func evaluate(t *testing.T, dir string, e ast.Expr) constant.Value {
	t.Helper()
	units := map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0)
	case *ast.ParenExpr:
		return evaluate(t, dir, e.X)
	case *ast.Ident:
		return constant.MakeInt64(constantOf(t, dir, e.Name))
	case *ast.SelectorExpr:
		if unit, ok := units[e.Sel.Name]; ok {
			return constant.MakeInt64(int64(unit))
		}
	case *ast.BinaryExpr:
		x, y := evaluate(t, dir, e.X), evaluate(t, dir, e.Y)
		if e.Op == token.SHL {
			n, _ := constant.Uint64Val(y)
			return constant.Shift(x, e.Op, uint(n))
		}
		return constant.BinaryOp(x, e.Op, y)
	}
	t.Fatalf("a limit of %s is written in a way that this test does not understand: %T", dir, e)
	return nil
}

// sources parses the files of a package whose names end in suffix and ".go".
func sources(t *testing.T, dir, suffix string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*"+suffix+".go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if suffix == "" && strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// namedTest is how documents name a test: by its package and its name.
var namedTest = regexp.MustCompile("`([a-z_/]+)\\.((?:Test|Fuzz)\\w+)`")

// TestNamedTests looks for every test that a document names as proof.
func TestNamedTests(t *testing.T) {
	there, seen := map[string][]string{}, 0
	for _, page := range append(documents(t), "../SECURITY.md") {
		for _, m := range namedTest.FindAllStringSubmatch(read(t, page), -1) {
			seen++
			dir, name := m[1], m[2]
			if there[dir] == nil {
				for _, file := range sources(t, dir, "_test") {
					for _, d := range file.Decls {
						if f, ok := d.(*ast.FuncDecl); ok {
							there[dir] = append(there[dir], f.Name.Name)
						}
					}
				}
			}
			if !slices.Contains(there[dir], name) {
				t.Errorf("%s names %s.%s, which is not there", page, dir, name)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d tests are named: the test looks in the wrong place", seen)
	}
}

// documents are the pages of docs and the two front doors.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(pages, "../README.md", "../README.ru.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
