package checks

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestMemoryIsBounded: the oldest is forgotten first.
func TestMemoryIsBounded(t *testing.T) {
	m := NewMemory()
	begin := time.Now()
	on := basis{open: digestOfTexts("a")}
	for i := range maxRemembered + 1 {
		at := begin.Add(time.Duration(i) * time.Second)
		m.keep(question{"auth", strconv.Itoa(i)}, answer{basis: on, at: at})
		m.putOff(attempt{target: strconv.Itoa(i)}, deferral{at: at})
	}
	if len(m.answers) != maxRemembered || len(m.put) != maxRemembered {
		t.Errorf("%d answers, %d deferrals", len(m.answers), len(m.put))
	}
	now := begin.Add(time.Hour)
	if _, ok := m.answer(question{"auth", "0"}, on); ok {
		t.Error("the oldest answer is there")
	}
	if _, ok := m.deferral(attempt{target: "0"}, now); ok {
		t.Error("the oldest deferral is there")
	}
	if _, ok := m.answer(question{"auth", "1"}, on); !ok {
		t.Error("the second answer is gone")
	}
	if _, ok := m.deferral(attempt{target: "1"}, now); !ok {
		t.Error("the second deferral is gone")
	}
}

func TestDigestOfTexts(t *testing.T) {
	if digestOfTexts("a", "bc") == digestOfTexts("ab", "c") || digestOfTexts("a") == digestOfTexts("a", "") {
		t.Error("lists of texts have one digest")
	}
	list := []string{"a", "b"}
	if digestOfTexts(list...) != digestOfTexts(slices.Clone(list)...) {
		t.Error("a list of texts has two digests")
	}
}
