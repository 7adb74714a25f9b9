package mailbox_test

import (
	"sync"
	"testing"

	"hiroba/sfu/mailbox"
)

func TestMailboxKeepsOrderAndLosesNothing(t *testing.T) {
	const posters, each = 8, 2000
	m := mailbox.New[[2]int]()
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				m.Post([2]int{p, i})
			}
		})
	}
	go func() { wg.Wait(); m.Close() }()

	var next [posters]int
	total := 0
	var batch [][2]int
	for total < posters*each {
		<-m.Wait()
		batch = m.Take(batch)
		for _, item := range batch {
			if item[1] != next[item[0]] {
				t.Fatalf("poster %d: got item %d, want %d", item[0], item[1], next[item[0]])
			}
			next[item[0]]++
			total++
		}
	}
}

func TestMailboxRefusesAfterClose(t *testing.T) {
	m := mailbox.New[int]()
	m.Post(1)
	m.Close()
	if m.Post(2) {
		t.Error("Post after Close reported true")
	}
	if got := m.Take(nil); len(got) != 1 || got[0] != 1 {
		t.Errorf("Take after Close = %v, want [1]", got)
	}
	<-m.Wait() // readable, so that an owner sees the end
}

func TestMailboxReusesMemory(t *testing.T) {
	m := mailbox.New[int]()
	var batch []int
	for range 4 { // both buffers grow once
		for i := range 64 {
			m.Post(i)
		}
		batch = m.Take(batch)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range 64 {
			m.Post(i)
		}
		batch = m.Take(batch)
	}); n != 0 {
		t.Errorf("allocations per batch = %v, want 0", n)
	}
}

func TestMailboxTakesManyAtOnce(t *testing.T) {
	m := mailbox.New[int]()
	m.Post(1)
	if !m.PostAll([]int{2, 3}) || !m.PostAll(nil) {
		t.Error("refused")
	}
	<-m.Wait()
	if got := m.Take(nil); len(got) != 3 || got[0] != 1 || got[2] != 3 {
		t.Errorf("took %v", got)
	}
	m.PostAll([]int{4})
	<-m.Wait() // or the owner would never know
	m.Close()
	if m.PostAll([]int{5}) {
		t.Error("posted to a closed mailbox")
	}
}
