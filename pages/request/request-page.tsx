import "./request.css";
import { styleTitle } from "../words.ts";
import { MoreFields, PlaceField, PrivacyField, SizeField, StrengthField } from "./option-fields.tsx";
import { PaintBar } from "./paint-bar.tsx";
import { PictureInput } from "./picture-input.tsx";
import { effectiveSize, resultSize, sizeText } from "./sizes.ts";
import { StyleGrid } from "./style-grid.tsx";
import { OWN } from "./use-choices.ts";
import { useDrop } from "./use-drop.ts";
import { type RequestForm, useRequestForm } from "./use-request-form.ts";

/** Where a picture and a style are chosen, and sent to be painted. */
export function RequestPage() {
  const form = useRequestForm();
  const { content, own, list, choices, problems, progress, engine, isLocal, style } = form;
  const target = useDrop(form.take);
  const options = { choices, onChange: form.change };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!progress) void form.submit();
  };
  return (
    <section class="page request">
      <h1>Have it painted</h1>
      <p class="muted lead">Your picture, in the manner of another.</p>
      <form onSubmit={submit} noValidate>
        <fieldset class="columns" disabled={progress !== undefined}>
          <legend class="sr-only">A new picture</legend>
          <PictureInput field={content} isOver={target === "picture"} />
          <div class="choices">
            <StyleGrid
              list={list}
              own={own}
              value={choices.style}
              problem={problems.style}
              isOver={target === "style"}
              onChange={(name) => form.change({ style: name })}
            />
            <div class="pairs">
              <StrengthField {...options} />
              <SizeField {...options} picture={content.picture} max={form.maxSize} />
            </div>
            {engine && <PlaceField {...options} engine={engine} />}
            {!isLocal && <PrivacyField {...options} />}
            <MoreFields {...options} maxSteps={form.site.maxSteps} problem={problems.steps} />
          </div>
        </fieldset>
        <PaintBar
          picture={content.picture?.url}
          style={choices.style === OWN ? own.picture?.url : style?.url}
          summary={summaryOf(form)}
          problem={problems.request}
          progress={progress}
          onCancel={form.cancel}
        />
      </form>
      {target && !progress && (
        <div class="drop-frame" aria-hidden="true">
          <span>{target === "style" ? "Drop it as the style" : "Drop it to paint it"}</span>
        </div>
      )}
    </section>
  );
}

/** What will be painted, as far as it is chosen. */
function summaryOf({ content, choices, style, maxSize, isLocal }: RequestForm): string {
  const { picture } = content;
  const name = choices.style === OWN ? "Your own style" : style && styleTitle(style.name);
  const size = picture && resultSize(picture, effectiveSize(picture, choices.size, maxSize), maxSize);
  const audience = isLocal ? "on your GPU" : choices.isPrivate ? "private" : "public";
  if (!picture && !name) return "A picture and a style, and off it goes.";
  return [name ?? "No style yet", size ? sizeText(size) : "no picture yet", audience].join(" · ");
}
