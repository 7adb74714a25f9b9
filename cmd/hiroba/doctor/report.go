package doctor

import (
	"encoding/json"
	"fmt"
	"io"
)

// Status is how serious what a check found is.
type Status string

// The statuses. A warning costs quality, or may be a fault that cannot be seen from here; a Fault keeps people out.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Fault   Status = "fault"
)

// Finding is what one check found.
type Finding struct {
	// ID names the check, for scripts. It stays the same from version to version.
	ID     string `json:"id"`
	Status Status `json:"status"`
	// Found is what is so, in a sentence without a full stop.
	Found string `json:"found"`
	// Fix is what to do about it: a command or a setting. Empty if all is well.
	Fix string `json:"fix,omitempty"`
}

// Report collects findings in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
}

func (r *Report) add(status Status, id, fix, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{ID: id, Status: status, Found: fmt.Sprintf(format, args...), Fix: fix})
}

func (r *Report) ok(id, format string, args ...any) { r.add(OK, id, "", format, args...) }

func (r *Report) warn(id, fix, format string, args ...any) { r.add(Warning, id, fix, format, args...) }

func (r *Report) fault(id, fix, format string, args ...any) { r.add(Fault, id, fix, format, args...) }

// Failed reports whether something keeps people out.
func (r *Report) Failed() bool {
	for _, f := range r.Findings {
		if f.Status == Fault {
			return true
		}
	}
	return false
}

// WriteText writes a line for each finding, and one for what to do about it.
func (r *Report) WriteText(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-8s %-16s %s\n", f.Status, f.ID, f.Found); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if f.Fix == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-8s %-16s -> %s\n", "", "", f.Fix); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

// WriteJSON writes the report as one object.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	err := out.Encode(struct {
		OK bool `json:"ok"`
		*Report
	}{!r.Failed(), r})
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
