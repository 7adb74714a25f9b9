import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';

interface ChooseProps {
  readonly label: string;
  readonly options: readonly { readonly id: string; readonly label: string }[];
  readonly value: string;
  readonly onChange: (id: string) => void;
  readonly isLabelHidden?: boolean;
  /** Shown when there is nothing to choose. */
  readonly none?: string;
}

// React Aria takes an empty key as "nothing chosen".
const toKey = (id: string): string => `k:${id}`;
const fromKey = (key: string): string => key.slice(2);

/** One of several, from a list that opens. */
export function Choose({ label, options, value, onChange, isLabelHidden = false, none = '' }: ChooseProps): ReactNode {
  const isKnown = options.some((option) => option.id === value);
  return (
    <Select
      className="choose"
      {...(isLabelHidden ? { 'aria-label': label } : {})}
      isDisabled={options.length === 0}
      placeholder={none}
      value={options.length === 0 ? null : toKey(isKnown ? value : (options[0]?.id ?? ''))}
      onChange={(key) => {
        if (typeof key === 'string') onChange(fromKey(key));
      }}
    >
      {!isLabelHidden && <Label className="field-label">{label}</Label>}
      <Button className="choose-button">
        <SelectValue className="choose-value" />
        <ChevronDown aria-hidden />
      </Button>
      <Popover className="popover">
        <ListBox className="menu" items={options.map((option) => ({ ...option, id: toKey(option.id) }))}>
          {(option) => (
            <ListBoxItem id={option.id} className="menu-item" textValue={option.label}>
              {({ isSelected }) => (
                <>
                  <Check aria-hidden className={isSelected ? '' : 'is-invisible'} />
                  <span className="menu-text">{option.label}</span>
                </>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
