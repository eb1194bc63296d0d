//! Small line plots as SVG, with the faults as bands behind them. Colours come from the page's style.

use std::fmt::Write as _;

use crate::inject::Mark;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;

/// One line: its name, its style class, and its points; a gap where there is none.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    /// Latencies span decades.
    pub(super) logarithmic: bool,
    pub(super) end: f64,
    pub(super) series: Vec<Series>,
}

impl Plot<'_> {
    /// The figure with its caption and legend.
    pub(super) fn draw(&self, marks: &[Mark]) -> String {
        let mut svg = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<figure><figcaption><b>{}</b> <span>{}</span>",
            self.title, self.unit
        );
        for series in &self.series {
            let _ = write!(
                svg,
                "<em><i class=\"key {}\"></i>{}</em>",
                series.class, series.name
            );
        }
        let _ = write!(
            svg,
            "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title
        );
        self.bands(&mut svg, marks);
        let scale = self.scale();
        self.grid(&mut svg, &scale);
        for series in &self.series {
            let _ = write!(
                svg,
                "<path class=\"line {}\" d=\"{}\"/>",
                series.class,
                self.path(series, &scale)
            );
        }
        svg.push_str("</svg></figure>");
        svg
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (at / self.end).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn bands(&self, svg: &mut String, marks: &[Mark]) {
        for mark in marks {
            let from = self.x(mark.from);
            let width = (self.x(mark.to.unwrap_or(self.end)) - from).max(1.5);
            let _ = write!(
                svg,
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                HEIGHT - TOP - BOTTOM,
                super::html::escape(&mark.what)
            );
        }
    }

    fn scale(&self) -> Scale {
        let values = self
            .series
            .iter()
            .flat_map(|series| series.points.iter().filter_map(|point| point.1));
        let most = values.fold(0.0, f64::max);
        if self.logarithmic {
            Scale {
                from: 1.0,
                to: 10_f64.powf(most.max(10.0).log10().ceil()),
                logarithmic: true,
            }
        } else {
            Scale {
                from: 0.0,
                to: round_up(most),
                logarithmic: false,
            }
        }
    }

    fn grid(&self, svg: &mut String, scale: &Scale) {
        for value in scale.ticks() {
            let y = scale.y(value);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"tick end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        let step = round_up(self.end / 6.0).max(1.0);
        let mut at = 0.0;
        while at <= self.end {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" class=\"tick mid\">{} s</text>",
                self.x(at),
                HEIGHT - 6.0,
                short(at)
            );
            at += step;
        }
    }

    fn path(&self, series: &Series, scale: &Scale) -> String {
        let mut path = String::new();
        let mut down = false;
        for (at, value) in &series.points {
            match value {
                Some(value) => {
                    let command = if down { 'L' } else { 'M' };
                    let _ = write!(path, "{command}{:.1} {:.1}", self.x(*at), scale.y(*value));
                    if !down {
                        // A point without neighbours is seen all the same.
                        path.push_str("h0.5");
                    }
                    down = true;
                }
                None => down = false,
            }
        }
        path
    }
}

struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.from).log10() - self.from.log10())
                / (self.to.log10() - self.from.log10())
        } else {
            (value - self.from) / (self.to - self.from)
        };
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            std::iter::successors(Some(self.from), |value| Some(value * 10.0))
                .take_while(|value| *value <= self.to * 1.01)
                .collect()
        } else {
            (0..=4)
                .map(|part| self.to * f64::from(part) / 4.0)
                .collect()
        }
    }
}

/// The next of 1, 2, 4, 5, 8 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 8.0, 10.0]
        .into_iter()
        .map(|part| part * power)
        .find(|candidate| *candidate >= value)
        .unwrap_or(value)
}

fn short(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{}k", value / 1_000.0)
    } else if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format!("{value:.2}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_and_labels_are_short() {
        let rounded: Vec<f64> = [0.0, 0.3, 1.0, 3.0, 61.0, 450.0].map(round_up).into();
        assert_eq!(rounded, [1.0, 0.4, 1.0, 4.0, 80.0, 500.0]);
        assert_eq!(
            [short(0.5), short(2.0), short(20_000.0)],
            ["0.5", "2", "20k"]
        );
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let series = Series {
            name: "a",
            class: "a",
            points: vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(1.0))],
        };
        let plot = Plot {
            title: "t",
            unit: "ms",
            logarithmic: false,
            end: 2.0,
            series: vec![series],
        };
        let path = plot.path(&plot.series[0], &plot.scale());
        assert_eq!(path.matches('M').count(), 2, "{path}");
    }
}
