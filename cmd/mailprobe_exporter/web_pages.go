package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/common/version"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
)

// pageFiles are the pages for people. They work without JavaScript; what a peer said is escaped by html/template wherever it stands.
//
//go:embed pages
var pageFiles embed.FS

// pages are the pages of one exporter.
type pages struct {
	collector *collector.Collector
	templates *template.Template
	catalog   func() *catalog.Catalog
	root      string        // The path that every page is below, with slashes at both ends.
	lifecycle bool          // What is to be done now may be asked for here.
	reading   chan struct{} // Holds a place for each of what is pasted that is being read.
	logger    *slog.Logger
}

// newPages reads the templates.
func newPages(f *flags, c *collector.Collector, r *reloader, root string, logger *slog.Logger) (*pages, error) {
	templates, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return &pages{
		collector: c, templates: templates, root: root, lifecycle: f.lifecycle, logger: logger,
		reading: make(chan struct{}, maxReading),
		catalog: func() *catalog.Catalog { return r.current().Catalog() },
	}, nil
}

// register adds the pages to those of the exporter.
func (p *pages) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+p.root+"{$}", p.status)
	mux.HandleFunc("GET "+p.root+"targets/{name}", p.target)
	mux.HandleFunc("POST "+p.root+"targets/{name}/probe", p.probeNow)
	mux.HandleFunc("GET "+p.root+"problems/{$}", p.problems)
	mux.HandleFunc("GET "+p.root+"problems/{id}", p.problem)
	mux.HandleFunc("GET "+p.root+"replies/{code}", p.reply)
	mux.HandleFunc("GET "+p.root+"explain", p.explain)
	mux.HandleFunc("POST "+p.root+"explain", p.explain)
	mux.HandleFunc("GET "+p.root+"static/{file}", p.static)
}

// static gives the style sheet, the script and the icon.
func (p *pages) static(w http.ResponseWriter, r *http.Request) {
	types := map[string]string{"style.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
	name := r.PathValue("file")
	text, err := pageFiles.ReadFile("pages/" + name)
	if types[name] == "" || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", types[name])
	w.Header().Set("Cache-Control", "max-age=600")
	_, _ = w.Write(text)
}

// A frame is what every page has. Words are asked for by name, so that a template says what it means.
type frame struct {
	Lang    catalog.Lang
	Title   string
	Root    string
	Here    string // The page's path below Root.
	Version string
	Refresh int // Seconds; 0: the page stays as it is.
	Now     time.Time
}

// Say is one of pageWords in the page's language.
func (f frame) Say(word string) (string, error) {
	t, ok := pageWords[word]
	if !ok {
		return "", fmt.Errorf("there is no word %q", word)
	}
	return t.In(f.Lang), nil
}

// Readable is the name of a target as check writes it.
func (frame) Readable(name string) string { return readable(name) }

// OtherLang is the language that the page is not in.
func (f frame) OtherLang() catalog.Lang {
	if f.Lang == catalog.Russian {
		return catalog.English
	}
	return catalog.Russian
}

// frame begins a page, still without a title. Who has chosen a language on one page gets it on the next.
func (p *pages) frame(w http.ResponseWriter, r *http.Request) frame {
	lang := languageOf(r)
	if chosen := r.URL.Query().Get("lang"); chosen == string(lang) {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: chosen, Path: p.root, MaxAge: 365 * 24 * 3600, Secure: r.TLS != nil, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	w.Header().Set("Content-Language", string(lang))
	w.Header().Set("Vary", "Accept-Language, Cookie")
	return frame{Lang: lang, Root: p.root, Here: strings.TrimPrefix(r.URL.Path, p.root), Version: version.Version, Now: time.Now()}
}

const langCookie = "mailprobe_lang"

// languageOf is the language of who asks: as chosen now, as chosen earlier, or the browser's.
func languageOf(r *http.Request) catalog.Lang {
	chosen := r.URL.Query().Get("lang")
	if c, err := r.Cookie(langCookie); err == nil && chosen == "" {
		chosen = c.Value
	}
	switch catalog.Lang(chosen) {
	case catalog.Russian:
		return catalog.Russian
	case catalog.English:
		return catalog.English
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";") // In the order of preference, as browsers send it.
		language, _, _ := strings.Cut(strings.ToLower(tag), "-")
		switch language {
		case "ru":
			return catalog.Russian
		case "en":
			return catalog.English
		}
	}
	return catalog.English
}

// show fills a template in, whole or not at all.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name, data); err != nil {
		p.logger.Error("A page cannot be made; this is a bug, please report it", "page", name, "err", err)
		http.Error(w, "This page cannot be made; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// A state is how something stands: its class in the style sheet and its word.
type state struct{ Outcome, Word string }

// stateOf is "ok", "unknown", "none" or a severity in words.
func (f frame) stateOf(outcome string) state { return state{outcome, pageStates[outcome].In(f.Lang)} }

// ago says how long something has been, or is still to come.
func (f frame) ago(t time.Time) string {
	if t.IsZero() {
		return pageWords["never"].In(f.Lang)
	}
	d, form := f.Now.Sub(t), pageWords["ago"]
	if d < 0 {
		d, form = -d, pageWords["in"]
	}
	n, unit := int(d/time.Second), pageWords["second"]
	for _, u := range []struct {
		of   time.Duration
		word string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= u.of {
			n, unit = int(d/u.of), pageWords[u.word]
			break
		}
	}
	return fmt.Sprintf(form.In(f.Lang), n, unit.In(f.Lang))
}

// A textPage is a page of the catalogue.
type textPage struct {
	frame
	Body     template.HTML
	Standing []standing
	Asked    string
	TooLarge bool // More was pasted than is read.
}

// A standing is a target at which a problem stands.
type standing struct {
	Name     string
	Severity state
}

// explainer explains as the command does.
func (p *pages) explainer(f frame) *explainer { return &explainer{cat: p.catalog(), lang: f.Lang} }

// problems lists the faults that checks find.
func (p *pages) problems(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w, r)
	f.Title = pageWords["problems"].In(f.Lang)
	type line struct {
		Check, ID, Title string
		Severity         state
	}
	data := struct {
		frame
		List []line
	}{frame: f}
	for _, problem := range catalog.Problems() {
		data.List = append(data.List, line{problem.Check, problem.ID, plain(problem.Title.In(f.Lang)), f.stateOf(string(problem.Severity))})
	}
	p.show(w, http.StatusOK, "problems.html", data)
}

// problem explains a fault, and says where it stands now.
func (p *pages) problem(w http.ResponseWriter, r *http.Request) {
	f, id := p.frame(w, r), r.PathValue("id")
	problem, ok := catalog.ProblemByID(id)
	if !ok {
		p.notFound(w, f)
		return
	}
	f.Title = problem.ID + ": " + plain(problem.Title.In(f.Lang))
	page := newHTMLPage(f.Lang, 1)
	p.explainer(f).printProblem(page, &problem)
	data := textPage{frame: f, Body: page.html.body()}
	for _, s := range p.collector.Snapshots() {
		for _, found := range s.Problems {
			if found.ID == id {
				data.Standing = append(data.Standing, standing{s.Target.Name, f.stateOf(string(found.Severity))})
			}
		}
	}
	p.show(w, http.StatusOK, "text.html", data)
}

// reply explains a code: three digits, an enhanced one, or both with a space, - or _ between.
func (p *pages) reply(w http.ResponseWriter, r *http.Request) {
	f, code := p.frame(w, r), strings.NewReplacer("-", " ", "_", " ").Replace(r.PathValue("code"))
	e := p.explainer(f)
	a := e.answer(clip(code, maxQuestion))
	if len(a.replies) == 0 {
		p.notFound(w, f)
		return
	}
	if err := e.setProvider(clip(r.URL.Query().Get("provider"), 100)); err != nil {
		p.notFound(w, f)
		return
	}
	f.Title = code
	page := newHTMLPage(f.Lang, 2)
	e.printAnswer(page, e.answer(clip(code, maxQuestion)))
	p.show(w, http.StatusOK, "text.html", textPage{frame: f, Body: page.html.body()})
}

const (
	// maxPasted is how much may be pasted: a returned letter of the usual kind with all of its headers.
	maxPasted = 1 << 20
	// maxReading is how much of what is pasted is read at once. It takes a second of a processor at worst, which probes need too.
	maxReading = 2
)

// explain answers what somebody pastes: a code, a reply, a whole returned letter.
func (p *pages) explain(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w, r)
	f.Title = pageWords["explain"].In(f.Lang)
	data := textPage{frame: f}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, 2*maxPasted) // Coded as a form it may be longer.
		if err := r.ParseForm(); err != nil {
			status = http.StatusBadRequest
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				status = http.StatusRequestEntityTooLarge
			}
		}
		if data.Asked = r.PostForm.Get("text"); len(data.Asked) > maxPasted {
			status, data.Asked = http.StatusRequestEntityTooLarge, ""
		}
		data.TooLarge = status == http.StatusRequestEntityTooLarge
	} else {
		data.Asked = r.URL.Query().Get("q")
	}
	if text := strings.TrimSpace(data.Asked); text != "" {
		select {
		case p.reading <- struct{}{}:
			defer func() { <-p.reading }()
		case <-r.Context().Done():
			return // Nobody waits any more.
		}
		page := newHTMLPage(f.Lang, 2)
		if err := p.explainer(f).readAloud(page, text); err != nil {
			p.logger.Debug("What was pasted cannot be read", "err", err)
			page.text("", page.say(words.noReply))
		}
		data.Body = page.html.body()
	}
	p.show(w, status, "explain.html", data)
}

func (p *pages) notFound(w http.ResponseWriter, f frame) {
	f.Title = pageWords["not_found"].In(f.Lang)
	p.show(w, http.StatusNotFound, "text.html", textPage{frame: f})
}
