package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// elsewhere are commands that are not ours, and why this test does not run them.
var elsewhere = map[string]string{
	"helm":      "it needs a cluster; make deploy-check renders the chart and reads what comes of it as a cluster would",
	"docker":    "it needs an engine; TestContainer in integration has Buildah build the image, and runs the program in it",
	"podman":    "it is another engine, for which the same holds",
	"apt":       "it changes the machine: TestPackage in integration installs, upgrades and purges on a copy of one",
	"systemctl": "it needs systemd: TestPackage in integration enables, reloads and stops the service under one",
	"tar":       "it unpacks what make release makes: TestArchive in release reads that",
}

// A documentedCommand is a line that a document has its reader type, and what it says of the output.
type documentedCommand struct {
	line  int
	text  string
	shows []string // Lines of the ```text block that follows; ... in a line is left out.
}

// TestDocumentedCommands runs every command of the documents as their readers do: ours in this process, against the demo's world where they
// would need a network; those of Go and make are looked up.
func TestDocumentedCommands(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range append(files, "../../README.md", "../../README.ru.md") {
		file = filepath.Join(root, "cmd/mailprobe_exporter", file)
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := &reader{root: root, dir: t.TempDir()}
			d.prepare(t, string(text))
			t.Chdir(d.dir)
			for _, c := range documentedCommands(string(text)) {
				ran++
				d.run(t, c)
			}
		})
	}
	if ran < 40 {
		t.Errorf("only %d commands: the test looks in the wrong place", ran)
	}
}

var (
	fence      = regexp.MustCompile("^```([a-z]*)$")
	isCommand  = regexp.MustCompile(`^(\./)?mailprobe_exporter( |$)|^(go|make|sudo|apt|apt-get|dpkg|rpm|dnf|docker|podman|helm|kubectl|curl|systemctl|tar|promtool|amtool|git) `)
	yamlBlocks = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fileName   = regexp.MustCompile(`^# (\S+\.yml)\n`)
)

// documentedCommands are the lines of indented blocks, and of those in fences that name a shell.
func documentedCommands(text string) []documentedCommand {
	var out []documentedCommand
	inside, within := "", false // The language of the fence we are in, and whether we are in one.
	for i, line := range strings.Split(text, "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			within = !within
			inside = m[1]
			continue
		}
		command, indented := strings.CutPrefix(line, "    ")
		if last := len(out) - 1; !within && indented && last >= 0 && strings.HasSuffix(out[last].text, `\`) {
			out[last].text = strings.TrimSuffix(out[last].text, `\`) + strings.TrimSpace(command) // It goes on.
			continue
		}
		switch {
		case within && inside == "text" && len(out) > 0:
			last := &out[len(out)-1]
			last.shows = append(last.shows, strings.Split(line, "...")...)
			continue
		case within && slices.Contains([]string{"sh", "bash", "console"}, inside):
			command = strings.TrimPrefix(line, "$ ")
		case within || !indented || !isCommand.MatchString(command):
			continue
		}
		out = append(out, documentedCommand{line: i + 1, text: command})
	}
	return out
}

// A reader is somebody who has the source and types what a document says, in a directory of his own.
type reader struct {
	root, dir string
}

// prepare puts down what a document has its reader write, and the files that its commands name.
func (d *reader) prepare(t *testing.T, text string) {
	t.Helper()
	letter, err := os.ReadFile(filepath.Join(d.root, "docs/letter.eml"))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "docs/letter.eml", string(letter))
	d.write(t, "letter.eml", string(letter))
	d.write(t, "arrived.eml", arrivedLetter)
	d.write(t, "password.txt", "secret\n")
	d.write(t, "var/log/mail.log", "Mar  3 09:14:07 mx postfix/smtp[42]: 4B2C1A0: to=<boris@example.net>, relay=mx.example.net[192.0.2.80]:25, delay=1, "+
		"dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.80] said: 550 5.1.1 <boris@example.net>: User unknown (in reply to RCPT TO command))\n")
	for _, m := range yamlBlocks.FindAllStringSubmatch(text, -1) {
		name := "exporter.yml"
		if named := fileName.FindStringSubmatch(m[1]); named != nil {
			name = named[1]
		} else if _, err := os.Stat(filepath.Join(d.dir, name)); err == nil {
			continue // The first block without a name is the file itself; the others are of Prometheus, or show parts.
		}
		// Nobody answers at port 1, so that a test asks nobody's resolver.
		d.write(t, name, strings.ReplaceAll(m[1], "127.0.0.1:53", "127.0.0.1:1"))
	}
}

func (d *reader) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run types one command.
func (d *reader) run(t *testing.T, c documentedCommand) {
	t.Helper()
	if first, _, _ := strings.Cut(c.text, " "); elsewhere[first] != "" {
		return
	}
	words, from, err := shellWords(c.text)
	if err == nil {
		switch words[0] {
		case "./mailprobe_exporter", "mailprobe_exporter":
			err = d.exporter(t, words[1:], from, c.shows)
		case "go":
			err = d.goCommand(t, words[1:], c.shows)
		case "make":
			err = d.makeTarget(words[1:])
		default:
			err = fmt.Errorf("try %s here, or say in elsewhere why not", words[0])
		}
	}
	if err != nil {
		t.Errorf("line %d: %s\n%v", c.line, c.text, err)
	}
}

// shellWords are the words of a command, without its comment, and the file that is its standard input.
func shellWords(line string) (words []string, from string, err error) {
	var quote rune
	word, begun := strings.Builder{}, false
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ':
			end()
		case r == '#' && !begun:
			quote = '\n' // To the end.
		case strings.ContainsRune("|>&;$`\\*", r):
			return nil, "", fmt.Errorf("a shell would do more with %q than this test does", r)
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if quote != 0 && quote != '\n' {
		return nil, "", fmt.Errorf("a quote is left open")
	}
	if quote == 0 {
		end()
	}
	if i := slices.Index(words, "<"); i >= 0 && i == len(words)-2 {
		words, from = words[:i], words[i+1]
	}
	if len(words) == 0 {
		return nil, "", fmt.Errorf("there is no command")
	}
	return words, from, nil
}

// arrivedLetter is one that healthy.example sent, as it arrived elsewhere.
const arrivedLetter = `Return-Path: <anna@healthy.example>
Received: from out.healthy.example (out.healthy.example [203.0.113.10])
	by mx.example.net (Postfix) with ESMTPS id 4XAMPLE9
	for <boris@example.net>; Tue,  3 Mar 2026 16:00:08 +0300 (MSK)
From: Anna <anna@healthy.example>
To: boris@example.net
Subject: The invoice
Date: Tue, 3 Mar 2026 13:00:07 +0000
Message-Id: <8d1f@healthy.example>

Hello
`

// inDemo are those of the documents that would be asked over a network, and who stands for them in the demo's world.
var inDemo = map[string]string{
	"example.org": "healthy.example", "mx.example.org:25": "mx1.healthy.example:25", "smtp.example.org": "mx1.healthy.example", "203.0.113.9": "192.0.2.1",
}

// exporter runs our program with these arguments.
func (d *reader) exporter(t *testing.T, args []string, from string, shows []string) error {
	t.Helper()
	for i, arg := range args {
		for _, place := range []string{"/var/", "/etc/"} { // Of the whole machine.
			args[i] = strings.Replace(args[i], place, d.dir+place, 1)
		}
		if i > 0 && args[i-1] == "--from" {
			args[i] = strings.Replace(arg, "letter.eml", "arrived.eml", 1)
		}
		if whom := inDemo[arg]; whom != "" && (i == 0 || args[i-1] != "--sender") {
			args[i] = whom
		}
	}
	command := "serve"
	if i := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") }); i >= 0 {
		command = args[i]
	}
	most := 0 // The worst exit status of a command that works.
	switch {
	case command == "check" || command == "init":
		if command == "check" {
			most = 1
		}
		args = inDemoWorld(args)
		fallthrough
	case command == "explain":
		if !slices.Contains(args, "--lang") {
			args = append(args, "--lang=en")
		}
	case command == "demo" || command == "serve" && !slices.Contains(args, "--config.check") && !slices.Contains(args, "--version"):
		p := startProgram(t, &http.Transport{}, args...)
		defer p.stop(os.Interrupt)
		if status, body, _ := p.get("/metrics", ""); status != http.StatusOK || !strings.Contains(body, "mailprobe_build_info") {
			return fmt.Errorf("/metrics has status %d", status)
		}
		return nil
	}
	var stdin []byte
	if from != "" {
		var err error
		if stdin, err = os.ReadFile(from); err != nil {
			return err
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run(args, bytes.NewReader(stdin), &stdout, &stderr); status > most {
		return fmt.Errorf("exit status %d\n%s%s", status, stdout.String(), stderr.String())
	}
	inOrder(t, stdout.String(), shows)
	return nil
}

// inDemoWorld has a command ask the demo's world instead of the network. What it writes does not become the configuration, for that is the document's.
func inDemoWorld(args []string) []string {
	if i := slices.Index(args, "--resolver"); i >= 0 {
		args = slices.Delete(args, i, i+2)
	}
	if i := slices.Index(args, "--output"); i >= 0 {
		args[i+1] = "written.yml"
		args = append(args, "--force")
	}
	if !slices.Contains(args, "--demo") {
		args = append(args, "--demo")
	}
	return args
}

// goCommand runs what go run would, and looks up the packages and tests that another command names.
func (d *reader) goCommand(t *testing.T, args []string, shows []string) error {
	t.Helper()
	const program = "./cmd/mailprobe_exporter"
	if len(args) > 2 && args[0] == "run" && args[1] == program {
		return d.exporter(t, args[2:], "", shows)
	}
	if !slices.Contains([]string{"build", "test"}, args[0]) {
		return fmt.Errorf("no rule says how to try go %s", args[0])
	}
	tests := ""
	packages := 0
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "./") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(d.root, arg, "*.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("there is no package %s", arg)
		}
		packages++
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			tests += string(text)
		}
	}
	if packages == 0 {
		return fmt.Errorf("no package is named")
	}
	for _, flag := range []string{"-run", "-bench"} {
		i := slices.Index(args, flag)
		if i < 0 || i == len(args)-1 || args[i+1] == "^$" {
			continue
		}
		for name := range strings.SplitSeq(args[i+1], "|") {
			if !regexp.MustCompile(`\nfunc (Test|Benchmark)?` + strings.Trim(name, "^$")).MatchString(tests) {
				return fmt.Errorf("no test is called %s", name)
			}
		}
	}
	return nil
}

// makeTarget looks a target up.
func (d *reader) makeTarget(args []string) error {
	text, err := os.ReadFile(filepath.Join(d.root, "Makefile"))
	if err != nil {
		return err
	}
	for _, target := range args {
		if !strings.Contains(target, "=") && !strings.Contains(string(text), "\n"+target+":") {
			return fmt.Errorf("the Makefile has no target %s", target)
		}
	}
	return nil
}
