import type { LucideIcon } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { Button, Keyboard, ToggleButton, Tooltip, TooltipTrigger } from 'react-aria-components';

interface Hint {
  /** What the control is called. */
  readonly label: string;
  /** What happens when it is pressed, if the label does not say it. */
  readonly hint?: string | undefined;
  /** The key that does the same. */
  readonly shortcut?: string | undefined;
}

function WithTooltip({ label, hint, shortcut, children }: Hint & { readonly children: ReactElement }): ReactNode {
  return (
    <TooltipTrigger delay={500} closeDelay={50}>
      {children}
      <Tooltip className="tooltip" offset={6}>
        {hint ?? label}
        {shortcut !== undefined && <Keyboard>{shortcut}</Keyboard>}
      </Tooltip>
    </TooltipTrigger>
  );
}

interface IconButtonProps extends Hint {
  readonly icon: LucideIcon;
  readonly onPress?: () => void;
  readonly className?: string;
  readonly testId?: string;
  readonly isDisabled?: boolean;
  readonly children?: ReactNode;
}

/** A round button with a sign, a name for screen readers, and a tooltip for everybody else. */
export function IconButton(props: IconButtonProps): ReactNode {
  const { icon: Icon, label, onPress, className = '', testId, isDisabled = false, children } = props;
  return (
    <WithTooltip {...props}>
      <Button
        className={`icon-button ${className}`}
        aria-label={label}
        data-testid={testId}
        isDisabled={isDisabled}
        {...(onPress === undefined ? {} : { onPress })}
      >
        <Icon aria-hidden />
        {children}
      </Button>
    </WithTooltip>
  );
}

interface IconToggleProps extends Hint {
  readonly on: LucideIcon;
  readonly off?: LucideIcon;
  readonly isSelected: boolean;
  readonly onChange: (isSelected: boolean) => void;
  readonly className?: string;
  readonly testId?: string;
  readonly children?: ReactNode;
}

/** A round button that is on or off, and says so with aria-pressed. */
export function IconToggle(props: IconToggleProps): ReactNode {
  const { on: On, off: Off = On, label, isSelected, onChange, className = '', testId, children } = props;
  return (
    <WithTooltip {...props}>
      <ToggleButton
        className={`icon-button ${className}`}
        aria-label={label}
        data-testid={testId}
        isSelected={isSelected}
        onChange={onChange}
      >
        {isSelected ? <On aria-hidden /> : <Off aria-hidden />}
        {children}
      </ToggleButton>
    </WithTooltip>
  );
}
