package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// explainFlags are what the command line says to explain.
type explainFlags struct {
	what     []string
	file     string
	fileSet  bool // Given; "" then stands for "-", which is how the flag's parser hands it over.
	summary  bool
	lang     string
	format   string
	provider string
}

const explainHelp = `Say what a reply, a problem, a blocklist or a word of the field means, what causes it and what helps.

  explain 550 5.7.26 "text of the reply"
  explain dmarc
  explain port 465
  explain mail goes to spam
  explain smtp.gmail.com
  explain smtp_deferred
  explain spamhaus_zen
  explain --file returned-letter.eml
  explain --file arrived-letter.eml
  explain --summary /var/log/mail.log

With --config.file, the entries of its catalog_files count too.

Exit status: 0 explained, 2 nothing found; entries with similar names are then named, and are no answer.`

// addExplain adds the command to the program.
func addExplain(app *kingpin.Application, f *explainFlags) *kingpin.CmdClause {
	c := app.Command("explain", explainHelp)
	c.Flag("file", "A returned letter, a piece of text or of a log in which every reply is explained, or a letter that arrived, of which the way is told; - is standard input.").PlaceHolder("PATH").IsSetByUser(&f.fileSet).StringVar(&f.file)
	c.Flag("summary", "Count the replies in a mail log by provider and cause.").BoolVar(&f.summary)
	c.Flag("lang", "Language: en or ru. By default that of LC_ALL, LC_MESSAGES or LANG.").Default(string(localeOf(os.Getenv))).EnumVar(&f.lang, string(catalog.English), string(catalog.Russian))
	c.Flag("format", "For people or for programs: text or json.").Default("text").EnumVar(&f.format, "text", "json")
	c.Flag("provider", "Who answered: a provider's id, as google, or the name of the server.").PlaceHolder("ID").StringVar(&f.provider)
	c.Arg("what", "A reply (code, enhanced code, text), a problem, a blocklist or its zone, a provider or its server, a cause, a port, a word or words of your own; with --summary a mail log.").StringsVar(&f.what)
	return c
}

// localeOf is the language of the surroundings, by the variables that POSIX names, the first that is set.
func localeOf(getenv func(string) string) catalog.Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if language, _, _ := strings.Cut(value, "_"); language == string(catalog.Russian) {
				return catalog.Russian
			}
			return catalog.English
		}
	}
	return catalog.English
}

// errUsage says that the command line asks for something that cannot be done.
var errUsage = errors.New("explain")

// An explainer explains in one language and format.
type explainer struct {
	cat    *catalog.Catalog
	server string // Who answered, if the user says so.
	lang   catalog.Lang
	json   bool
	out    io.Writer
}

// runExplain is the command. The status is 0 if something was explained and 2 if there was nothing to explain.
func runExplain(program *flags, f *explainFlags, stdin io.Reader, stdout io.Writer) (status int, err error) {
	e := &explainer{cat: catalog.Default(), lang: catalog.Lang(f.lang), json: f.format == "json", out: stdout}
	if program.configSet {
		cfg, err := targets.Load(program.configFile, targets.Options{Metrics: checks.MetricNames()})
		if err != nil {
			return 2, err
		}
		e.cat = cfg.Catalog()
	}
	if err := e.setProvider(f.provider); err != nil {
		return 2, err
	}
	input, asked := f.input(stdin)
	switch {
	case input == nil && asked == "":
		return 2, fmt.Errorf("%w: nothing to explain; %s", errUsage, words.whatItTakes.In(e.lang))
	case input == nil && f.summary:
		return 2, fmt.Errorf("%w: --summary wants a log: a path, --file, or standard input", errUsage)
	case input == nil:
		return e.question(asked)
	case asked != "":
		return 2, fmt.Errorf("%w: give either a reply or a file", errUsage)
	}
	reader, closeAll, err := input()
	if err != nil {
		return 2, err
	}
	defer closeAll()
	if f.summary {
		return e.log(reader)
	}
	return e.letter(reader)
}

// setProvider takes an id or the name of a server.
func (e *explainer) setProvider(name string) error {
	e.server = strings.ToLower(name)
	if _, ok := e.cat.Provider(e.server); ok || name == "" || e.cat.ProviderByID(e.server) != nil || strings.Contains(name, ".") {
		return nil
	}
	var ids []string
	for _, p := range e.cat.Providers() {
		ids = append(ids, p.ID)
	}
	if near := nearest(e.server, ids); len(near) > 0 {
		ids = near
	}
	return fmt.Errorf("%w: there is no provider %q; known are %s", errUsage, name, strings.Join(ids, ", "))
}

// input says what is read, nil if nothing, and what is asked on the command line.
func (f *explainFlags) input(stdin io.Reader) (open func() (io.Reader, func(), error), asked string) {
	fromStdin := func() (io.Reader, func(), error) {
		unpacked, err := bounce.Unpack(stdin)
		return unpacked, func() {}, err
	}
	asked = strings.TrimSpace(strings.Join(f.what, " "))
	switch {
	case f.fileSet && f.file != "" && f.file != "-":
		return func() (io.Reader, func(), error) { return openAll([]string{f.file}) }, asked
	case f.fileSet, len(f.what) == 1 && (asked == "" || asked == "-"):
		return fromStdin, strings.Trim(asked, "-")
	case f.summary && asked != "":
		return func() (io.Reader, func(), error) { return openAll(f.what) }, ""
	case asked == "" && piped(stdin):
		return fromStdin, ""
	}
	return nil, asked
}

// piped reports whether standard input is something else than somebody's keyboard.
func piped(stdin io.Reader) bool {
	file, ok := stdin.(*os.File)
	return stdin != nil && (!ok || !term.IsTerminal(int(file.Fd())))
}

// openAll opens files to be read one after the other, unpacked.
func openAll(paths []string) (io.Reader, func(), error) {
	var files []io.Reader
	var closers []io.Closer
	closeAll := func() {
		for _, c := range closers {
			_ = c.Close() // Read only.
		}
	}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		closers = append(closers, file)
		unpacked, err := bounce.Unpack(file)
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, unpacked)
	}
	return io.MultiReader(files...), closeAll, nil
}

// maxQuestion is how many octets are taken for what somebody could as well have typed behind explain.
const maxQuestion = 300

// letter explains every reply in a letter or a text, or how a letter arrived.
func (e *explainer) letter(r io.Reader) (int, error) {
	found, err := e.read(r)
	switch {
	case err != nil:
		return 2, err
	case found.answer != nil:
		return e.tell(found.answer)
	}
	status := 0
	if found.letter == nil && len(found.replies) == 0 && notBounces[found.kind].EN == "" {
		status = 2
	}
	if e.json {
		return status, e.writeFound(found)
	}
	return status, e.page(func(p *page) { e.printFound(p, found) })
}

// readAloud explains a letter or a text on a page.
func (e *explainer) readAloud(p *page, text string) error {
	if len(text) <= maxQuestion && !strings.Contains(text, "\n") {
		if asked := e.answer(text); !asked.empty() {
			e.printAnswer(p, asked)
			return nil
		}
	}
	found, err := e.read(strings.NewReader(text))
	if err != nil {
		return err
	}
	e.printFound(p, found)
	return nil
}

// A finding is what was made of a letter or a text: one of the three, or no replies.
type finding struct {
	answer    *answer        // It is a question.
	kind      bounce.Kind    // Of the message.
	complaint string         // Of a feedback report.
	letter    *bounce.Letter // It arrived.
	replies   []explained
}

func (e *explainer) printFound(p *page, found finding) {
	switch {
	case found.answer != nil:
		e.printAnswer(p, found.answer)
	case len(found.replies) > 0:
		e.printLetter(p, found.replies)
	default:
		e.printNoReply(p, found)
	}
}

// read finds the replies in a letter or a text. A line or two without a code is a question, "SMTP error code 3", and gets an answer instead. A message
// that is no bounce, and in which there is no reply, was given for the way it took.
func (e *explainer) read(r io.Reader) (finding, error) {
	data, err := io.ReadAll(io.LimitReader(r, bounce.MaxLetter))
	if err != nil {
		return finding{}, fmt.Errorf("read the letter: %w", err)
	}
	m, err := bounce.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return finding{}, fmt.Errorf("read the letter: %w", err)
	}
	replies := m.Replies
	var question *answer
	coded := slices.ContainsFunc(replies, func(r bounce.Reply) bool { return r.Code != 0 || r.Enhanced != "" })
	if text := strings.TrimSpace(string(data[:min(len(data), maxQuestion+1)])); !coded && len(data) <= maxQuestion && text != "" && !strings.Contains(text, "\n\n") {
		question = e.answer(text)
		if len(replies) == 0 && !question.empty() || len(question.conditions) > 0 {
			return finding{answer: question}, nil
		}
	}
	found := finding{kind: m.Kind, complaint: m.Complaint, replies: make([]explained, len(replies))}
	if len(replies) == 0 {
		if l, ok, err := bounce.ReadArrived(bytes.NewReader(data)); ok && err == nil {
			found.letter = &l
		}
	}
	nothing := len(replies) == 0 && found.letter == nil && notBounces[found.kind].EN == ""
	if nothing && question != nil && len(question.near) > 0 {
		return finding{answer: question}, nil
	}
	for i, reply := range replies {
		found.replies[i] = e.explain(reply)
		if domain := e.ownDomain(m.Sender); domain != "" {
			found.replies[i].values[catalog.ValueDomain] = domain
		}
	}
	return found, nil
}

// log counts the replies in a mail log.
func (e *explainer) log(r io.Reader) (int, error) {
	s, err := bounce.Summarise(r, e.cat)
	if err != nil {
		return 2, fmt.Errorf("read the log: %w", err)
	}
	status := 0
	if s.Replies == 0 && s.Known == 0 {
		status = 2
	}
	if e.json {
		return status, e.writeSummary(s)
	}
	return status, e.page(func(p *page) { e.printSummary(p, s) })
}

// question explains what was asked on the command line.
func (e *explainer) question(asked string) (int, error) { return e.tell(e.answer(asked)) }

// tell writes an answer.
func (e *explainer) tell(a *answer) (int, error) {
	status := 0
	if a.empty() {
		status = 2
	}
	if e.json {
		return status, e.writeAnswer(a)
	}
	return status, e.page(func(p *page) { e.printAnswer(p, a) })
}

// page writes text for people.
func (e *explainer) page(write func(*page)) error {
	p := newPage(e.out, e.lang)
	write(p)
	return p.err
}
