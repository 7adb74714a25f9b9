package main

import (
	"log/slog"
	"reflect"
	"strings"
)

// reloadable are the members of Config that change while the server runs; the others need a restart. Certificates are read
// again besides.
var reloadable = map[string]bool{
	"LogLevel": true, "MaxRooms": true, "MaxParticipants": true, "MaxConnections": true,
	"MaxCPU": true, "MaxEgress": true, "DrainTimeout": true, "DrainTo": true,
}

// settings are those that are in force now.
func (s *server) settings() Config {
	s.settingsMu.Lock()
	defer s.settingsMu.Unlock()
	return s.cfg
}

// reload reads again what may have changed: the certificates and, where reread is there, the settings. Settings that cannot be
// used leave all as it is.
func (s *server) reload(reread func() (Config, error)) {
	s.log.Info("reload asked for")
	if s.certificates != nil {
		s.certificates.Reload()
	}
	if reread == nil {
		return
	}
	next, err := reread()
	if err != nil {
		s.log.Error("settings not reloaded, the former ones stay", "err", err)
		return
	}
	s.settingsMu.Lock()
	changed, fixed := takeOver(&s.cfg, next)
	now := s.cfg
	s.settingsMu.Unlock()

	s.logLevel.Set(levelOf(now.LogLevel))
	s.rooms.SetLimits(now.MaxRooms, now.MaxParticipants)
	s.door.SetMaxSockets(now.MaxConnections)
	s.admission.setLimits(now.admissionLimits())
	if len(fixed) > 0 {
		s.log.Warn("settings changed that need a restart", "settings", strings.Join(fixed, " "))
	}
	s.log.Info("settings reloaded", "changed", strings.Join(changed, " "))
}

// takeOver changes in cfg what can change, and names the settings that did, and those that differ but cannot.
func takeOver(cfg *Config, next Config) (changed, fixed []string) {
	current, wanted := reflect.ValueOf(cfg).Elem(), reflect.ValueOf(next)
	for i := range current.NumField() {
		member := current.Type().Field(i)
		if member.Tag.Get("kong") == "-" || reflect.DeepEqual(current.Field(i).Interface(), wanted.Field(i).Interface()) {
			continue
		}
		if !reloadable[member.Name] {
			fixed = append(fixed, flagOf(member))
			continue
		}
		current.Field(i).Set(wanted.Field(i))
		changed = append(changed, flagOf(member))
	}
	return changed, fixed
}

// flagOf is a setting as it is written on the command line.
func flagOf(member reflect.StructField) string {
	if name := member.Tag.Get("name"); name != "" {
		return "--" + name
	}
	var flag strings.Builder
	for i, letter := range member.Name {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			flag.WriteByte('-')
		}
		flag.WriteRune(letter)
	}
	return "--" + strings.ToLower(flag.String())
}

// levelOf is a level that has passed the check of its setting.
func levelOf(text string) slog.Level {
	var level slog.Level
	if level.UnmarshalText([]byte(text)) != nil {
		return slog.LevelInfo
	}
	return level
}
