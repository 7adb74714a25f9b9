package trace

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// The state of a machine is in unexported fields, of several packages, and stays there: a trace looks inside by
// reflection instead of making each machine write itself down. A field that is added later is in traces by itself.

var timeType = reflect.TypeFor[time.Time]()

// inside is a field as if it were exported; v must be addressable.
func inside(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// encode is the state of v for json.Marshal. What is zero is left out; instants become nanoseconds since start.
func encode(v reflect.Value, start time.Time) (any, error) {
	v = inside(v)
	if v.Type() == timeType {
		at, _ := v.Interface().(time.Time)
		return int64(at.Sub(start)), nil
	}
	if v.Kind() == reflect.Pointer { // what is allocated when it is needed; nil is left out
		return encode(v.Elem(), start)
	}
	fields := map[string]any{}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if err := encodeInto(fields, v.Type().Field(i).Name, v.Field(i), start); err != nil {
				return nil, err
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if err := encodeInto(fields, fmt.Sprint(i), v.Index(i), start); err != nil {
				return nil, err
			}
		}
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64, reflect.String:
		return v.Interface(), nil
	default:
		return nil, fmt.Errorf("state has a %s", v.Type())
	}
	return fields, nil
}

func encodeInto(fields map[string]any, name string, v reflect.Value, start time.Time) error {
	if inside(v).IsZero() {
		return nil
	}
	value, err := encode(v, start)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fields[name] = value
	return nil
}

// decode undoes encode; v is zero at first.
func decode(v reflect.Value, state json.RawMessage, start time.Time) error {
	v = inside(v)
	if v.Type() == timeType {
		var at time.Duration
		if err := json.Unmarshal(state, &at); err != nil {
			return fmt.Errorf("parse instant: %w", err)
		}
		v.Set(reflect.ValueOf(start.Add(at)))
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return decode(v.Elem(), state, start)
	}
	if v.Kind() != reflect.Struct && v.Kind() != reflect.Array {
		if err := json.Unmarshal(state, v.Addr().Interface()); err != nil {
			return fmt.Errorf("parse state: %w", err)
		}
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(state, &fields); err != nil {
		return fmt.Errorf("parse state: %w", err)
	}
	for name, value := range fields {
		field, err := find(v, name)
		if err != nil {
			return err
		}
		if err := decode(field, value, start); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// find is a field of a struct, or an element of an array.
func find(v reflect.Value, name string) (reflect.Value, error) {
	if v.Kind() == reflect.Struct {
		if field := v.FieldByName(name); field.IsValid() {
			return field, nil
		}
		return v, fmt.Errorf("state has a field %s, which another version has", name)
	}
	var i int
	if _, err := fmt.Sscan(name, &i); err != nil || i < 0 || i >= v.Len() {
		return v, fmt.Errorf("state has an element %s of %d", name, v.Len())
	}
	return v.Index(i), nil
}

// detach makes a copy of a machine its own: what its fields point to is copied as well.
func detach(v reflect.Value) {
	if !pointing(v.Type()) {
		return
	}
	v = inside(v)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		v.Set(own)
		detach(own.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			detach(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			detach(v.Index(i))
		}
	default: // pointing has none
	}
}

// pointing reports whether a value of a type can point to something that changes.
func pointing(t reflect.Type) bool {
	switch {
	case t == timeType:
		return false
	case t.Kind() == reflect.Pointer:
		return true
	case t.Kind() == reflect.Array:
		return pointing(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if pointing(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
