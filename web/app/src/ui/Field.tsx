import type { ReactNode } from 'react';
import { FieldError, Input, Label, Text, TextField } from 'react-aria-components';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly testId: string;
  /** What to type: shown under the field, read with it. */
  readonly help?: string | undefined;
  readonly error?: string | undefined;
  readonly note?: string | undefined;
  readonly placeholder?: string | undefined;
  readonly autoComplete?: string;
  readonly maxLength?: number;
  readonly autoFocus?: boolean;
}

/** A line of text with its label, help, and error. */
export function Field(props: FieldProps): ReactNode {
  const { label, value, onChange, testId, help, error, note, placeholder, autoComplete = 'off' } = props;
  return (
    <TextField
      className="field"
      value={value}
      onChange={onChange}
      isInvalid={error !== undefined}
      autoComplete={autoComplete}
      maxLength={props.maxLength ?? 64}
      {...(props.autoFocus === true ? { autoFocus: true } : {})}
    >
      <Label className="field-label">
        {label}
        {note !== undefined && <span className="field-note">{note}</span>}
      </Label>
      <Input className="field-input" data-testid={testId} placeholder={placeholder ?? ''} spellCheck="false" />
      {help !== undefined && error === undefined && (
        <Text slot="description" className="field-help">
          {help}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  );
}
