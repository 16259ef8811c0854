//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A browser is a headless Chromium with one tab. It is spoken to by the Chrome DevTools Protocol over a pair of pipes
// (--remote-debugging-pipe): JSON objects with a zero octet behind each, on its file descriptors 3 and 4. A call is answered by the
// object of the same id; what has no id is an event.
type browser struct {
	t       *testing.T
	cmd     *exec.Cmd
	to      *os.File
	from    *os.File
	read    *bufio.Reader
	calls   int
	session string   // Of the tab.
	faults  []string // What the tab complained of: errors on the console, exceptions, violations of the policy, dialogs.
}

// startBrowser starts a browser of this language until the test ends.
func startBrowser(t *testing.T, lang string) *browser {
	t.Helper()
	dir := directory(t, "chromium")
	theirs3, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirs4, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, to: to, from: from, read: bufio.NewReader(from)}
	b.cmd = exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--no-first-run", "--user-data-dir="+dir, "--remote-debugging-pipe", "--accept-lang="+lang)
	b.cmd.ExtraFiles = []*os.File{theirs3, theirs4}
	b.cmd.Env = append(os.Environ(), "HOME="+dir)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := errors.Join(b.cmd.Start(), log.Close(), theirs3.Close(), theirs4.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // It has helpers, all in its group, and nothing to lose.
		_ = b.cmd.Wait()
		_ = errors.Join(to.Close(), from.Close())
	})

	var tab struct{ TargetID, SessionID string }
	b.call("Target.createTarget", object{"url": "about:blank"}, &tab)
	b.call("Target.attachToTarget", object{"targetId": tab.TargetID, "flatten": true}, &tab)
	b.session = tab.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

type object = map[string]any

// call has the tab, or the browser before there is one, do something and waits for the result.
func (b *browser) call(method string, params object, result any) {
	b.t.Helper()
	if err := b.ask(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

// ask is call where a refusal is an answer.
func (b *browser) ask(method string, params object, result any) error {
	b.t.Helper()
	b.calls++
	if params == nil {
		params = object{}
	}
	m := object{"id": b.calls, "method": method, "params": params}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = b.from.SetReadDeadline(time.Now().Add(2 * patience))
	}
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		var answer struct {
			ID             int
			Method         string
			Params, Result json.RawMessage
			Error          *struct{ Message string }
		}
		text, err := b.read.ReadBytes(0)
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &answer)
		}
		switch {
		case err != nil:
			b.t.Fatalf("%s: %v", method, err)
		case answer.ID != b.calls:
			b.notice(answer.Method, answer.Params)
		case answer.Error != nil:
			return fmt.Errorf("%s: %s", method, answer.Error.Message)
		case result != nil:
			return json.Unmarshal(answer.Result, result)
		default:
			return nil
		}
	}
}

// notice keeps those events that tell of a fault.
func (b *browser) notice(event string, params json.RawMessage) {
	var p struct {
		Type  string
		Entry struct{ Level, Text string }
	}
	_ = json.Unmarshal(params, &p) // Others have other fields.
	switch {
	case strings.Contains(p.Entry.Text, "the server responded with a status of 4"): // Also said of the page that was asked for.
	case event == "Runtime.exceptionThrown", event == "Page.javascriptDialogOpening",
		event == "Runtime.consoleAPICalled" && p.Type == "error",
		event == "Log.entryAdded" && (p.Entry.Level == "error" || p.Entry.Level == "warning"):
		b.faults = append(b.faults, event+": "+string(params))
	}
}

// eval evaluates an expression in the page and returns what it is as text.
func (b *browser) eval(format string, args ...any) string {
	b.t.Helper()
	value, err := b.value(fmt.Sprintf(format, args...))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// value is eval where the page may go away meanwhile.
func (b *browser) value(expression string) (string, error) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	err := b.ask("Runtime.evaluate", object{"expression": expression, "returnByValue": true}, &r)
	if err == nil && r.ExceptionDetails != nil {
		err = fmt.Errorf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	return fmt.Sprint(r.Result.Value), err
}

// wait waits until an expression is true of a page that has loaded.
func (b *browser) wait(format string, args ...any) {
	b.t.Helper()
	expression := fmt.Sprintf(format, args...)
	err := eventually(patience, func() error {
		value, err := b.value("document.readyState == 'complete' && Boolean(" + expression + ")")
		if err == nil && value != "true" {
			err = fmt.Errorf("%s is not true", expression)
		}
		return err
	})
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

// open goes to a page and waits until it has loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	var r struct{ ErrorText string }
	b.call("Page.navigate", object{"url": url}, &r)
	if r.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, r.ErrorText)
	}
	b.wait("location.href != 'about:blank'")
}

// resize gives the window a size, below 500 pixels that of a phone.
func (b *browser) resize(width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
}

// text is what can be read on the page.
func (b *browser) text() string { b.t.Helper(); return b.eval("document.body?.innerText") }

// typed types into what has the focus.
func (b *browser) typed(s string) {
	b.t.Helper()
	for _, r := range s {
		b.call("Input.dispatchKeyEvent", object{"type": "char", "text": string(r)}, nil)
	}
}

// press presses a key: "Tab", "Enter".
func (b *browser) press(key string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13}
	event := object{"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
	b.call("Input.dispatchKeyEvent", event, nil)
	if key == "Enter" {
		b.call("Input.dispatchKeyEvent", object{"type": "char", "text": "\r"}, nil)
	}
	event["type"] = "keyUp"
	b.call("Input.dispatchKeyEvent", event, nil)
}

// click presses the mouse in the middle of an element.
func (b *browser) click(selector string) {
	b.t.Helper()
	var x, y float64
	at := b.eval(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect();
		return (r.x + r.width / 2) + " " + (r.y + r.height / 2); })()`, selector)
	if _, err := fmt.Sscan(at, &x, &y); err != nil {
		b.t.Fatalf("%s is at %q: %v", selector, at, err)
	}
	for _, what := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", object{"type": what, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// clean fails the test if the pages so far complained of anything.
func (b *browser) clean() {
	b.t.Helper()
	if len(b.faults) > 0 {
		b.t.Errorf("%s", strings.Join(b.faults, "\n"))
		b.faults = nil
	}
}
