// The doors of crash.mjs, by the names that its --doors takes.
import { Api } from "./api.mjs";
import { Estimates } from "./estimates.mjs";
import { EventsIn } from "./events_in.mjs";
import { EventsOut } from "./events_out.mjs";
import { Handoffs } from "./handoffs.mjs";
import { News } from "./news.mjs";
import { Papers } from "./papers.mjs";
import { Pay } from "./pay.mjs";
import { Portal } from "./portal.mjs";
import { Reviews } from "./reviews.mjs";

export const DOORS = { events_in: EventsIn, events_out: EventsOut, api: Api, news: News, pay: Pay, portal: Portal, papers: Papers,
  handoffs: Handoffs, reviews: Reviews, estimates: Estimates };
export const DOOR_NAMES = Object.keys(DOORS);
